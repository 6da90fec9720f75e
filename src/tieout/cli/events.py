"""`tieout events`: accepted events, found, added up, explained, erased, retracted and amended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.retraction import amend, retract
from tieout.cli.screen import Json, grouped, note, print_json, progress, say, table

if TYPE_CHECKING:
    from tieout.flows.erase_event import ErasurePlan
    from tieout.flows.find_events import EventFilter, EventTotals, FoundEvent

app = typer.Typer(
    help="Accepted events: find, show, count, export, explain, erase, retract, amend.", no_args_is_help=True
)

IdOption = Annotated[str | None, typer.Option("--id", help="The event's id.", show_default=False)]
SourceOption = Annotated[str | None, typer.Option(help="Its source.", show_default=False)]
CustomerOption = Annotated[
    str | None, typer.Option(help="Events of this customer's subjects, as it had them.", show_default=False)
]
SubjectOption = Annotated[str | None, typer.Option(help="Its subject.", show_default=False)]
TypeOption = Annotated[str | None, typer.Option("--type", help="Its type.", show_default=False)]
SinceOption = Annotated[
    str | None, typer.Option(help="Events at this RFC 3339 instant or later.", show_default=False)
]
UntilOption = Annotated[str | None, typer.Option(help="Events before this instant.", show_default=False)]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="name=value of a field, an undeclared member or a CloudEvents attribute; may be repeated.",
        show_default=False,
    ),
]
PositionOption = Annotated[
    str | None, typer.Option("--position", help="Its position, such as b61.r5.", show_default=False)
]
AsOfOption = Annotated[
    int | None, typer.Option(help="As the log was at the end of this batch.", min=0, show_default=False)
]


@app.command()
def find(
    home: HomeOption,
    id: IdOption = None,
    source: SourceOption = None,
    customer: CustomerOption = None,
    subject: SubjectOption = None,
    type_: TypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    where: WhereOption = None,
    position: PositionOption = None,
    as_of: AsOfOption = None,
    after: Annotated[
        str | None, typer.Option(help="The cursor that a page before gave.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="Events on a page.", min=1, max=10_000)] = 100,
    as_json: JsonOption = False,
) -> None:
    """Accepted events in the order of their positions, a page at a time."""
    from tieout.flows.find_events import event_json, find_events

    wanted = _filter(id, source, customer, subject, type_, since, until, where, position, as_of)
    with opened(home) as opened_home:
        page = find_events(opened_home, wanted, after=after, limit=limit)
    if as_json:
        print_json(
            {
                "events": [event_json(event) for event in page.events],
                "next": page.next,
                "watermark": page.watermark,
            }
        )
        return
    columns = ("position", "time", "source", "id", "type", "subject", "customer", "content")
    say(table(columns, (_row(event) for event in page.events)))
    if page.next is not None:
        note(f"There are more: --after {page.next} shows the next page.")


@app.command()
def show(
    position: Annotated[str, typer.Argument(help="Such as b61.r5.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One accepted event, whole."""
    from tieout.flows.find_events import event_json, show_event

    with opened(home) as opened_home:
        found = event_json(show_event(opened_home, position))
    if as_json:
        print_json(found)
        return
    rows = []
    for name, value in found.items():
        if isinstance(value, dict):
            rows += [[f"{name}.{member}", _text(each)] for member, each in value.items()]
        else:
            rows.append([name.replace("_", " "), _text(value)])
    say(table(("member", "value"), rows))


@app.command()
def count(
    home: HomeOption,
    source: SourceOption = None,
    customer: CustomerOption = None,
    subject: SubjectOption = None,
    type_: TypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """How many events there are, and the exact sum of each numeric field, by type.

    Retracted events are among them, and told again beside: usage counts the difference.
    """
    from tieout.flows.find_events import count_events, totals_json

    wanted = _filter(None, source, customer, subject, type_, since, until, where, None, as_of)
    with opened(home) as opened_home, progress("counting") as advance:
        totals = count_events(opened_home, wanted, progress=advance)
    if as_json:
        print_json(totals_json(totals))
    else:
        say_totals(totals)


@app.command()
def export(
    home: HomeOption,
    out: Annotated[Path, typer.Option("--out", help="A new .parquet or .csv file.", show_default=False)],
    id: IdOption = None,
    source: SourceOption = None,
    customer: CustomerOption = None,
    subject: SubjectOption = None,
    type_: TypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    where: WhereOption = None,
    position: PositionOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write events to a file, and say how many and what their numbers add up to."""
    from tieout.flows.find_events import export_events, totals_json

    wanted = _filter(id, source, customer, subject, type_, since, until, where, position, as_of)
    with opened(home) as opened_home, progress("exporting") as advance:
        totals = export_events(opened_home, wanted, out, progress=advance)
    if as_json:
        print_json({"file": str(out), **totals_json(totals)})
    else:
        say_totals(totals)
        say(f"{grouped(str(totals.events))} events in {out}.")


@app.command()
def why(
    id: Annotated[str, typer.Argument(help="The event's id, or a position.", show_default=False)],
    home: HomeOption,
    source: SourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why an event was or was not counted: every arrival, and what each meter did with the accepted one."""
    from tieout.cli.why import say_why, why_json
    from tieout.flows.why_event import why as ask

    with opened(home) as opened_home:
        answers = ask(opened_home, id, source=source)
    if as_json:
        print_json([why_json(found) for found in answers])
        return
    for found in answers:
        say_why(found)


@app.command()
def erase(
    home: HomeOption,
    by: Annotated[str, typer.Option("--by", help="Who erases.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why.", show_default=False)],
    position: Annotated[str | None, typer.Argument(help="Such as b61.r5.", show_default=False)] = None,
    source: SourceOption = None,
    id: IdOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase the personal data of an event, wherever it stands; what usage is counted by stays.

    Without --yes nothing is changed. Exit code 5 where the database could not be cleaned yet.
    """
    from tieout.flows.decision import decision_now
    from tieout.flows.erase_event import erase as erase_event
    from tieout.flows.erase_event import plan_erasure

    with opened(home) as opened_home:
        decision_now(opened_home, person=by, reason=reason)  # a dry run refuses what the real one would
        plan = plan_erasure(opened_home, position, source=source, id=id)
        done = (
            erase_event(opened_home, position, source=source, id=id, person=by, reason=reason)
            if yes
            else None
        )
    found = _plan_json(plan, done=done is not None, clean=done is None or done.database_clean)
    if as_json:
        print_json(found)
    else:
        say(table(("erasure", "of " + str(plan.position)), ([k, _text(v)] for k, v in found.items())))
        say("Erased." if yes else "Nothing was changed; --yes erases.")
    if done is not None and not done.database_clean:
        note("Freed pages of the database still hold the old bytes, for somebody is reading; erase again.")
        raise typer.Exit(5)


def say_totals(totals: EventTotals) -> None:
    """A row per type and numeric field."""
    rows = [
        [
            each.type,
            grouped(str(each.events)),
            grouped(str(each.retracted)),
            name,
            grouped(str(quantity)),
            grouped(str(each.retracted_sums.get(name, ""))),
        ]
        for each in totals.types
        for name, quantity in (each.sums.items() or [("", "")])
    ]
    rows.append(["total", grouped(str(totals.events)), grouped(str(totals.retracted)), "", "", ""])
    say(table(("type", "events>", "retracted>", "field", "sum>", "of it retracted>"), rows))


def _filter(
    id: str | None,
    source: str | None,
    customer: str | None,
    subject: str | None,
    event_type: str | None,
    since: str | None,
    until: str | None,
    where: list[str] | None,
    position: str | None,
    as_of: int | None,
) -> EventFilter:
    from tieout.flows.find_events import EventFilter
    from tieout.kernel.instant import parse_instant

    return EventFilter(
        id=id,
        source=source,
        customer=customer,
        subject=subject,
        type=event_type,
        since=None if since is None else parse_instant(since),
        until=None if until is None else parse_instant(until),
        attributes=tuple(where or ()),
        position=position,
        as_of=as_of,
    )


def _row(found: FoundEvent) -> list[str]:
    from tieout.flows.find_events import event_data
    from tieout.kernel.instant import format_instant

    event = found.stored.event
    content = [f"{name} {_text(value)}" for name, value in event_data(event, found.contract).items()]
    if found.erasure is not None:
        content.append("erased")
    if found.retracted_by is not None:
        content.append(f"retracted by {found.retracted_by}")
    return [
        str(found.stored.position),
        format_instant(event.time),
        event.source,
        event.id,
        event.type,
        event.subject,
        found.customer or "",
        ", ".join(content),
    ]


def _plan_json(plan: ErasurePlan, *, done: bool, clean: bool) -> dict[str, Json]:
    return {
        "position": str(plan.position),
        "verdict": plan.verdict.name.lower(),
        "goes": list(plan.goes) if plan.stays else ["its bytes"],
        "stays": list(plan.stays),
        "segments": list(plan.copies.segments),
        "bodies_of_batches": list(plan.copies.bodies),
        "quarantined": [str(position) for position in plan.copies.quarantined],
        "erased_before": plan.erased_before,
        "done": done,
        "database_clean": clean,
    }


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(_text(each) for each in value)
        case _:
            return str(value)


app.command()(retract)
app.command()(amend)
