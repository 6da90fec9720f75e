"""`tieout clock show|step`: the clock of a scratch home, which a person steps through months."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.close import report_json, say_close
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import Json, face, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.close_periods import CloseReport
    from tieout.flows.step_clock import Stepped
    from tieout.kernel.clock_step import ClockStep
    from tieout.kernel.instant import Instant

app = typer.Typer(
    help="The test clock of a scratch home: show it, step it through months.", no_args_is_help=True
)


@app.command()
def show(home: HomeOption, as_json: JsonOption = False) -> None:
    """What time it is in this home, by which clock, and when something is due next."""
    from tieout.flows.step_clock import next_due
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        reading = None if where.test_clock is None else where.test_clock.reading()
        now, coming = where.clock.now(), next_due(where)
    named = None if coming is None else format_instant(coming)
    if as_json:
        said: dict[str, Json] = {"clock": "system" if reading is None else "test", "now": format_instant(now)}
        if reading is not None:
            said |= {"began": format_instant(reading.began), "anchor_day": reading.anchor_day}
        print_json({**said, "next_due_at": named})
        return
    if reading is None:
        say(f"The system's clock: {format_instant(now)}. This home has no test clock, and never will.")
    else:
        say(f"It began at {format_instant(reading.began)}; months clamp from day {reading.anchor_day}.")
    say(f"Due next: {named or 'nothing, as far as the catalog goes'}.")


@app.command()
def step(
    home: HomeOption,
    to: Annotated[
        str | None, typer.Option("--to", help="The RFC 3339 instant to go to.", show_default=False)
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="How far: 1mo, 10d, 12h, 30min; in UTC.", show_default=False),
    ] = None,
    closes: Annotated[
        bool, typer.Option("--close", help="Close on the way whatever becomes due, when it does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Step the test clock on, never back, and say what came due.

    Months clamp from the day the clock began at, or was last stepped --to: 31 January, 29 February, 31 March.
    With --close it stops wherever something becomes due and closes there, as `tieout serve` would.
    One step goes at most 1,200 months. Exit code 1 when an account was held or parked.
    """
    from tieout.flows.step_clock import coming, own_clock, step_clock, target
    from tieout.kernel.instant import format_instant

    wanted = _wanted(to, by)
    with opened(home) as where:
        reading = own_clock(where).reading()
        goal, anchor_day = target(reading, wanted)
        if closes:
            periods, customers = coming(where, to=goal)
            note(
                f"Stepping to {format_instant(goal)}. As far as is known now, that closes "
                f"{periods:,} {'period' if periods == 1 else 'periods'} of {customers:,} "
                f"{'customer' if customers == 1 else 'customers'}. If interrupted, go on with "
                f"--to {format_instant(goal)}."
            )

        def told(report: CloseReport) -> None:
            note(f"Closed as of {format_instant(report.as_of)}.")
            if not as_json:
                say_close(report)

        done = step_clock(where, reading, to=goal, anchor_day=anchor_day, closing=closes, told=told)
    face(done.now)
    if as_json:
        print_json(_stepped_json(done))
    else:
        _say_stepped(done, closed=closes)
    if any(_is_waiting(report) for report in done.closes):
        raise typer.Exit(1)


def _wanted(to: str | None, by: str | None) -> ClockStep | Instant:
    from tieout.kernel.clock_step import parse_step
    from tieout.kernel.instant import parse_instant

    if (to is None) == (by is None):
        raise MalformedOption("--to, --by", "one of the two says where to step")
    return parse_instant(to) if to is not None else parse_step(by or "")


def _is_waiting(report: CloseReport) -> bool:
    from tieout.close.outcome import WAITING, outcome_name

    return any(outcome_name(outcome) in WAITING for _, _, outcome in report.outcomes)


def _say_stepped(done: Stepped, *, closed: bool) -> None:
    from tieout.kernel.instant import format_instant

    say(f"The test clock went from {format_instant(done.before)} to {format_instant(done.now)}.")
    if done.due:
        rows = (
            [
                each.customer,
                "none can be told"
                if each.period is None
                else f"{format_instant(each.period.start)} to {format_instant(each.period.end)}",
                "now" if each.is_new else "before",
                each.parked or "",
            ]
            for each in done.due
        )
        say(table(("customer", "period (UTC)", "came due", "cannot be billed because"), rows))
        say("Still due after that: see the outcomes above." if closed else "Next: tieout close")
    else:
        say("Nothing is due.")
    if done.next_at is not None:
        say(f"Due next: {format_instant(done.next_at)}.")
    elif not done.due:
        say("Due next: nothing, as far as the catalog goes.")


def _stepped_json(done: Stepped) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "before": format_instant(done.before),
        "now": format_instant(done.now),
        "due": [
            {
                "customer": each.customer,
                "period": None
                if each.period is None
                else {"start": format_instant(each.period.start), "end": format_instant(each.period.end)},
                "came_due": "now" if each.is_new else "before",
                "cannot_be_billed_because": each.parked,
            }
            for each in done.due
        ],
        "closes": [report_json(report, dry_run=False) for report in done.closes],
        "next_due_at": None if done.next_at is None else format_instant(done.next_at),
    }
