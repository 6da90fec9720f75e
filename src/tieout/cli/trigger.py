"""`tieout trigger run|requests`: look at the rules now, and what the invoice rules answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, note, print_json, say, table
from tieout.cli.trigger_shown import change_json, change_rows, instant_text, request_json

if TYPE_CHECKING:
    from tieout.flows.answer_interims import InterimAnswer
    from tieout.flows.look_at_rules import LookReport
    from tieout.ports.triggers import RecordedChange

app = typer.Typer(help="The rules: look at them now; requests to the invoice rules.", no_args_is_help=True)


@app.command()
def run(home: HomeOption, as_json: JsonOption = False) -> None:
    """Look at every rule up to the end of the log, and have the invoice rules answer what was asked.

    Twice does no harm. Exit code 1 when something could not be read.
    """
    from tieout.flows.answer_interims import answer_interims
    from tieout.flows.look_at_rules import look_to_head
    from tieout.ports.triggers import RecordedChange

    with opened(home) as where:
        reports = look_to_head(where)
        answers = answer_interims(where)
        now = where.clock.now()
    changes = [RecordedChange(change, now) for report in reports for change in report.changes]
    unread = reports[-1].unread
    if as_json:
        print_json(_report_json(reports, changes, answers))
    else:
        count = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
        say(f"Looked up to batch {reports[-1].until}: {count}.")
        if changes:
            say(change_rows(changes))
        for answer in answers:
            say(f"Asked to bill {answer.request.asked.customer}: {answer.outcome}, {answer.reason}.")
        for rule, customer, why in unread:
            note(f"{rule.id.key} cannot be read for {customer}: {why}")
    if unread:
        raise typer.Exit(1)


@app.command()
def requests(
    home: HomeOption,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were answered.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What charge controls asked of the invoice rules."""
    with opened(home) as where:
        found = where.books.triggers.interim_requests(open_only=not all_)
    if as_json:
        print_json([request_json(each) for each in found])
        return
    if not found:
        say("The invoice rules are asked for nothing.")
        return
    rows = (
        [
            each.asked.customer,
            instant_text(each.asked.period.start),
            instant_text(each.asked_at),
            each.reason,
            "-" if each.answer is None else f"{each.answer[0]}: {each.answer[1]}",
        ]
        for each in found
    )
    say(table(("customer", "period from", "asked at", "why", "answer"), rows))


def _report_json(
    reports: list[LookReport], changes: list[RecordedChange], answers: tuple[InterimAnswer, ...]
) -> Json:
    return {
        "since": reports[0].since,
        "until": reports[-1].until,
        "changes": [change_json(each) for each in changes],
        "answers": [
            {
                "customer": each.request.asked.customer,
                "outcome": each.outcome,
                "reason": each.reason,
                "invoice": each.invoice,
            }
            for each in answers
        ],
        "unread": [
            {"rule": rule.id.key, "customer": customer, "why": why}
            for rule, customer, why in reports[-1].unread
        ],
    }
