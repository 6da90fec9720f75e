"""`tieout events retract|amend`: take an accepted event back, or put another in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.amend_event import AmendmentReport
    from tieout.flows.retract_event import RetractionReport
    from tieout.ports import StoredEvent

EventArgument = Annotated[str, typer.Argument(metavar="ID", help="The event's id.", show_default=False)]
SourceOption = Annotated[str, typer.Option(help="The event's source.", show_default=False)]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept for ever.", show_default=False)]
ByOption = Annotated[str, typer.Option(help="The person who decides it.", show_default=False)]
ApprovedByOption = Annotated[
    str | None,
    typer.Option(help="Another person, who approves it: needed where a sealed invoice counts the event."),
]


def retract(
    event_id: EventArgument,
    home: HomeOption,
    source: SourceOption,
    reason: ReasonOption,
    by: ByOption,
    approved_by: ApprovedByOption = None,
    in_advance: Annotated[
        bool, typer.Option("--in-advance", help="The event has yet to arrive; it will not count then either.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take an event back: from now on no usage counts it.

    It is final; a second retraction changes nothing, and a resend of the event stays a duplicate.
    """
    from tieout.flows.retract_event import Decision, retract_event

    with opened(home) as where:
        report = retract_event(
            where,
            source=source,
            event_id=event_id,
            decision=Decision(reason, by, approved_by),
            in_advance=in_advance,
        )
    if as_json:
        print_json(_report_json(report))
    else:
        _say_report(report)


def amend(
    event_id: EventArgument,
    home: HomeOption,
    source: SourceOption,
    file: Annotated[
        Path,
        typer.Option("--with", help="One event as JSON: same source, an id of its own.", show_default=False),
    ],
    reason: ReasonOption,
    by: ByOption,
    approved_by: ApprovedByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put another event in the place of one: both the retraction and the new event are stored, or neither."""
    from tieout.flows.amend_event import amend_event
    from tieout.flows.retract_event import Decision

    with opened(home) as where:
        report = amend_event(
            where, source=source, event_id=event_id, file=file, decision=Decision(reason, by, approved_by)
        )
    if as_json:
        print_json(_amendment_json(report))
    else:
        _say_amendment(report)


def _say_report(report: RetractionReport) -> None:
    retraction = report.retraction
    if not report.is_new:
        note(f"It was retracted before; nothing was written. {_who(retraction)}")
    rows = [["event", f"{report.source} {report.target_id}"]]
    if report.target is None:
        rows.append(["stands at", "nowhere yet: it has not arrived"])
    else:
        rows += [["stands at", str(report.target.position)], *_facts(report.target)]
    rows += [["retracted at", str(retraction.position)], ["retraction", retraction.event.id]]
    rows += [[name.replace("_", " "), str(value)] for name, value in _words(retraction).items()]
    say(table(("retraction", "value"), rows))
    _say_sealed(report)


def _say_amendment(report: AmendmentReport) -> None:
    _say_report(report.retracted)
    amending = report.amending
    say(plain(f"In its place: {amending.event.id} at {amending.position}"))
    cells = ([change.name, change.before or "", change.after or ""] for change in report.changes)
    say(table(("what", "before", "after"), cells))
    if not report.changes:
        note("It says the same as the event that it replaces.")


def _say_sealed(report: RetractionReport) -> None:
    if report.sealed:
        numbers = ", ".join(report.sealed)
        note(
            f"Sealed invoice {numbers} counts it and does not change; it is late and waits for a correction."
        )


def _who(retraction: StoredEvent) -> str:
    words = _words(retraction)
    return f"By {words['by']}: {words['reason']}" if "by" in words else f"Its source said: {words['reason']}"


def _words(retraction: StoredEvent) -> dict[str, str]:
    """Who retracted, why, and what stands in its place."""
    names = ("reason", "by", "approved_by", "replaced_by")
    fields = retraction.event.fields
    return {name: str(fields[name]) for name in names if name in fields}


def _facts(stored: StoredEvent) -> list[list[str]]:
    from tieout.kernel.instant import format_instant

    event = stored.event
    return [["type", event.type], ["subject", event.subject], ["time", format_instant(event.time)]]


def _report_json(report: RetractionReport) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    retraction = report.retraction
    return {
        "source": report.source,
        "target_id": report.target_id,
        "target": None if report.target is None else str(report.target.position),
        "retraction": {
            "id": retraction.event.id,
            "position": str(retraction.position),
            "time": format_instant(retraction.event.time),
            **_words(retraction),
        },
        "is_new": report.is_new,
        "sealed": list(report.sealed),
    }


def _amendment_json(report: AmendmentReport) -> Json:
    return {
        **_report_json(report.retracted),
        "amending": {"id": report.amending.event.id, "position": str(report.amending.position)},
        "changes": [
            {"name": change.name, "before": change.before, "after": change.after} for change in report.changes
        ],
    }
