"""`tieout quarantine list|groups|show|release|discard`: what was received and not accepted, why, its bytes as
they came, and what people decide about it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, progress, say, table

if TYPE_CHECKING:
    from tieout.flows.quarantine import ShownItem
    from tieout.ports.review import QuarantineGroup, Readmitted, ReviewedItem

app = typer.Typer(help="Items in quarantine: list, group, show, release, discard.", no_args_is_help=True)

ReasonOption = Annotated[
    str | None, typer.Option(help="Only this reason code, such as number-malformed.", show_default=False)
]
SourceOption = Annotated[str | None, typer.Option(help="Only from this source.", show_default=False)]
FieldOption = Annotated[str | None, typer.Option(help="Only with this field at fault.", show_default=False)]
SinceOption = Annotated[
    str | None, typer.Option(help="Only what arrived at this RFC 3339 instant or later.", show_default=False)
]
StateOption = Annotated[str, typer.Option(help="open, released, discarded or all.")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
WhyOption = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]


@app.command("list")
def list_(
    home: HomeOption,
    reason: ReasonOption = None,
    source: SourceOption = None,
    field: FieldOption = None,
    since: SinceOption = None,
    state: StateOption = "open",
    after: Annotated[str | None, typer.Option(help="Continue after this id.", show_default=False)] = None,
    limit: Annotated[
        int, typer.Option(help="At most so many rows, in the order of arrival.", min=1, max=10_000)
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Items that no meter may count, and why."""
    from tieout.flows.quarantine import list_quarantine, quarantine_query
    from tieout.kernel.instant import parse_instant

    query = quarantine_query(
        reason=reason,
        source=source,
        field=field,
        since=None if since is None else parse_instant(since),
        state=state,
        after=after,
        limit=limit,
    )
    with opened(home) as where:
        rows = list_quarantine(where, query)
    if as_json:
        print_json([_item_json(row) for row in rows])
        return
    columns = ("id", "state", "reason", "field", "file", "line>", "source", "event id", "detail")
    cells = (
        [
            str(row.item.position),
            row.state.value,
            row.item.reason.code,
            row.item.field or "",
            row.item.origin.rpartition("/")[2],
            str(row.item.line),
            row.item.source,
            row.item.event_id or "",
            row.item.detail,
        ]
        for row in rows
    )
    say(table(columns, cells))
    if len(rows) == limit:
        note(f"Only {limit} rows are shown; --limit shows more, --after {rows[-1].item.position} the next.")


@app.command()
def groups(
    home: HomeOption,
    reason: ReasonOption = None,
    source: SourceOption = None,
    field: FieldOption = None,
    since: SinceOption = None,
    state: StateOption = "open",
    as_json: JsonOption = False,
) -> None:
    """Items by reason, source and field: how many, since when, and one of them."""
    from tieout.flows.quarantine import quarantine_groups, quarantine_query
    from tieout.kernel.instant import format_instant, parse_instant

    query = quarantine_query(
        reason=reason,
        source=source,
        field=field,
        since=None if since is None else parse_instant(since),
        state=state,
    )
    with opened(home) as where:
        found = quarantine_groups(where, query)
    if as_json:
        print_json([_group_json(group) for group in found])
        return
    columns = ("group", "field", "items>", "first seen", "last seen", "example")
    cells = (
        [
            f"{group.reason.code}/{group.source}",
            group.field or "",
            grouped(str(group.items)),
            format_instant(group.first_at),
            format_instant(group.last_at),
            str(group.example),
        ]
        for group in found
    )
    say(table(columns, cells))


@app.command()
def show(
    item: Annotated[str, typer.Argument(help="Its id in the list.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One item with its bytes, escaped where they are not printable text; a conflict beside its original."""
    from tieout.flows.quarantine import show_quarantine

    with opened(home) as where:
        shown = show_quarantine(where, item)
    found: dict[str, Json] = {**_item_json(shown.reviewed), "erased": shown.erased}
    found["raw"] = raw_text(shown.reviewed.item.raw)
    if as_json:
        print_json({**found, "fields": _fields_json(shown)})
        return
    rows = [[name, _cell(value)] for name, value in found.items()]
    say(table(("field", "value"), rows))
    if shown.fields:
        say(_side_by_side(shown))


@app.command()
def release(
    home: HomeOption,
    item: Annotated[str | None, typer.Argument(help="Its id in the list.", show_default=False)] = None,
    group: Annotated[
        str | None, typer.Option(help="All open items of REASON/SOURCE instead of one.", show_default=False)
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decides.", show_default=False)] = None,
    reason: Annotated[str | None, typer.Option(help="Why.", show_default=False)] = None,
    corrected: Annotated[
        Path | None,
        typer.Option("--with", help="A file with the corrected CloudEvent in JSON.", show_default=False),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Say what it would do to usage and money; store nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Let items arrive again, as they came or corrected, to be judged by today's catalog.

    An item is released at most once. Exit code 1 where an item is refused again.
    """
    if (item is None) == (group is None):
        raise typer.BadParameter("name one item, or a --group")
    if group is not None and corrected is not None:
        raise typer.BadParameter("--with corrects a single item")
    if preview:
        from tieout.cli.preview import preview_command

        preview_command(home, item, group, corrected, as_json=as_json)
        return
    if by is None or reason is None:
        raise typer.BadParameter("--by and --reason say who releases and why (or --preview first)")
    done = _released(home, item, group, corrected, by, reason)
    if as_json:
        print_json([_release_json(each) for each in done])
    else:
        say_releases(done)
    if any(each.fate.verdict.name in ("QUARANTINED", "CONFLICT") for each in done):
        raise typer.Exit(1)


@app.command()
def discard(
    items: Annotated[list[str], typer.Argument(help="Their ids in the list.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: WhyOption,
    as_json: JsonOption = False,
) -> None:
    """Put items aside for good. They stay shown, with who decided so and why."""
    from tieout.flows.quarantine import discard as put_aside

    with opened(home) as where:
        done = put_aside(where, items, person=by, reason=reason)
    if as_json:
        print_json(
            [{"id": str(position), "state": "discarded", "by": by, "reason": reason} for position in done]
        )
    else:
        say(f"Discarded {', '.join(str(position) for position in done)}, by {by}: {reason}")


def _released(
    home: Path, item: str | None, group: str | None, corrected: Path | None, by: str, reason: str
) -> tuple[Readmitted, ...]:
    from tieout.flows.release_item import read_correction, release_group
    from tieout.flows.release_item import release as release_item

    correction = None if corrected is None else read_correction(corrected)
    with opened(home) as where:
        if item is not None:
            return (release_item(where, item, person=by, reason=reason, correction=correction),)
        assert group is not None, "one of the two is named"
        with progress("releasing") as advance:
            return release_group(where, group, person=by, reason=reason, progress=advance)


def say_releases(done: tuple[Readmitted, ...]) -> None:
    """What each item became, and how many of each."""
    if not done:
        say("Nothing was released: others decided about every item meanwhile.")
        return
    rows = (
        [
            str(each.item),
            str(each.fate.position),
            each.fate.verdict.name.lower(),
            each.fate.reason.code if each.fate.reason else "",
            "" if each.fate.original is None else str(each.fate.original),
        ]
        for each in done[:1_000]
    )
    say(table(("released", "arrived as", "verdict", "reason", "original"), rows))
    counts: dict[str, int] = {}
    for each in done:
        name = each.fate.verdict.name.lower()
        counts[name] = counts.get(name, 0) + 1
    said = ", ".join(f"{grouped(str(count))} {name}" for name, count in sorted(counts.items()))
    say(f"{grouped(str(len(done)))} released: {said}.")
    refused = [each for each in done if each.fate.verdict.name in ("QUARANTINED", "CONFLICT")]
    if refused:
        note(
            f"{len(refused)} were refused again; each stands in the quarantine under its new id, and the "
            "released item names it."
        )


def raw_text(raw: bytes) -> str:
    """The bytes as text; what is no UTF-8 is shown as an escape and never dropped."""
    return raw.decode("utf-8", errors="backslashreplace")


def _cell(value: Json) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items() if each is not None)
    return "" if value is None else str(value)


def _side_by_side(shown: ShownItem) -> object:
    original = shown.original
    assert original is not None, "fields are compared with an original"
    columns = ("member", f"original {original.position}", f"this item {shown.reviewed.item.position}", "")
    rows = (
        [row.name, row.original or "", row.newcomer or "", "differs" if row.differs else ""]
        for row in shown.fields
    )
    return table(columns, rows)


def _fields_json(shown: ShownItem) -> Json:
    return [
        {"name": row.name, "original": row.original, "item": row.newcomer, "differs": row.differs}
        for row in shown.fields
    ]


def _group_json(group: QuarantineGroup) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "reason": group.reason.code,
        "source": group.source,
        "field": group.field,
        "items": group.items,
        "first_at": format_instant(group.first_at),
        "last_at": format_instant(group.last_at),
        "example": str(group.example),
    }


def _release_json(done: Readmitted) -> Json:
    return {
        "item": str(done.item),
        "arrived_as": str(done.fate.position),
        "verdict": done.fate.verdict.name.lower(),
        "reason": done.fate.reason.code if done.fate.reason else None,
        "original": None if done.fate.original is None else str(done.fate.original),
    }


def _item_json(row: ReviewedItem) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    item, outcome = row.item, row.outcome
    decided: Json = None
    if outcome is not None:
        decided = {
            "outcome": outcome.state.value,
            "by": outcome.decision.person,
            "reason": outcome.decision.reason,
            "at": format_instant(outcome.decision.decided_at),
            "arrived_as": None if outcome.new is None else str(outcome.new),
        }
    return {
        "id": str(item.position),
        "state": row.state.value,
        "verdict": item.verdict.name.lower(),
        "reason": item.reason.code,
        "field": item.field,
        "detail": item.detail,
        "source": item.source,
        "event_id": item.event_id,
        "file": item.origin,
        "line": item.line,
        "received_at": format_instant(item.received_at),
        "original": None if item.original is None else str(item.original),
        "released_from": None if row.released_from is None else str(row.released_from),
        "decision": decided,
    }
