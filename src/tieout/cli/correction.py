"""`tieout correction preview|approve|list`: what was sealed and holds no more, worked out by one person and
approved by another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.billing_errors_shown import error_json, say_errors
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, complain, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.close.account import AccountOutcome
    from tieout.evidence.stored_corrections import StoredReport
    from tieout.flows.correct import Preview
    from tieout.flows.delta_report import DeltaLine, DeltaPeriod

app = typer.Typer(
    help="Corrections of sealed periods: preview, approve, list, errors. "
    "The next close bills what is approved.",
    no_args_is_help=True,
)

ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why; it is printed on the lines.", show_default=False)
]


@app.command()
def preview(
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    catalog: Annotated[
        Path | None,
        typer.Argument(
            help="A folder or file with price versions that supersede wrong ones.", show_default=False
        ),
    ] = None,
    customer: Annotated[list[str] | None, typer.Option(help="Only this customer; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out what sealed periods come to as known now, and store it as a report to approve.

    Exit code 1 when a period could not be worked out.
    """
    from tieout.flows.billing_errors import standing_errors
    from tieout.flows.correct import preview as work_out
    from tieout.kernel.ids import CustomerId

    chosen = tuple(CustomerId(key) for key in customer) if customer else None
    with opened(home) as where:
        found = work_out(where, person=by, reason=reason, customers=chosen, catalog_folder=catalog)
        standing = standing_errors(where, chosen)
    if as_json:
        print_json({**preview_json(found), "billing_errors": [error_json(each) for each in standing]})
    else:
        say_preview(found)
        if standing:
            say_errors(standing)
    if found.stopped:
        raise typer.Exit(1)


@app.command()
def approve(
    digest: Annotated[
        str, typer.Argument(help="The report's, or 8 digits of it or more.", show_default=False)
    ],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Let a report be billed by the next close; the documents of a corrected catalog are applied now."""
    from tieout.flows.correct import approve as decide
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        done = decide(where, digest, person=by, reason=reason)
    if as_json:
        print_json(
            {
                "digest": done.digest,
                "approved_by": done.person,
                "periods": done.periods,
                "applied": list(done.applied),
                **({} if done.before is None else {"approved_before": format_instant(done.before)}),
            }
        )
        return
    say(done.digest)
    if done.before is not None:
        note(
            f"It is approved already, by {done.person} at {format_instant(done.before)}; nothing has changed."
        )
        return
    for name in done.applied:
        note(f"Applied: {name}.")
    note(f"Approved by {done.person}: {done.periods} sealed periods are corrected by the next close.")


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every report, who previewed and who approved it, and the papers that carry it."""
    from tieout.flows.correct import reports
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        found = reports(where)
        papers: dict[str, list[str]] = {}
        numbers = {each.id: each.number for each in where.books.invoices.sealed()}
        for carried in where.books.corrections.billed():
            papers.setdefault(carried.digest, []).append(numbers[carried.invoice])
    if as_json:
        print_json([_report_json(each, papers.get(each.digest, [])) for each in found])
        return
    if not found:
        say("No correction was previewed.")
        return
    columns = ("digest", "about", "previewed", "by", "because", "approved by", "on papers")
    rows = (
        [
            *(each.digest[:16], each.kind, format_instant(each.previewed_at), each.person, each.reason),
            ", ".join(approval.person for approval in each.approvals) or "-",
            ", ".join(sorted(set(papers.get(each.digest, [])))) or "-",
        ]
        for each in found
    )
    say(table(columns, rows))


@app.command()
def errors(
    home: HomeOption,
    customer: Annotated[list[str] | None, typer.Option(help="Only this customer; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Billing errors that were credited and that nothing has repaired, each with its next action."""
    from tieout.flows.billing_errors import standing_errors
    from tieout.kernel.ids import CustomerId

    chosen = tuple(CustomerId(key) for key in customer) if customer else None
    with opened(home) as where:
        found = standing_errors(where, chosen)
    if as_json:
        print_json([error_json(each) for each in found])
    elif found:
        say_errors(found)
    else:
        say("No billing error that was credited waits for its repair.")


def say_preview(found: Preview) -> None:
    for period in found.periods:
        _say_period(period)
    for outcome in found.stopped:
        for problem in _problems(outcome):
            complain(f"{outcome.customer}: {problem}")
    if found.digest is None:
        note(
            "Nothing to approve."
            if found.stopped
            else "Nothing to correct: no sealed period comes to more or less."
        )
        return
    for name in found.documents:
        note(f"Approval applies {name}.")
    note("Not billed, and not under a signed policy, until another person approves it:")
    say(found.digest)


def _say_period(period: DeltaPeriod) -> None:
    from tieout.kernel.instant import format_instant

    came = [f"{grouped(str(period.late_events))} late events"] if period.late_events else []
    came += [f"{grouped(str(period.retracted_events))} late retractions"] if period.retracted_events else []
    title = f"{period.customer}, invoice {period.invoice}, from {format_instant(period.period.start)}"
    columns = ("line", "why", "quantity before>", "now>", "amount before>", "now>", "difference>")
    say(table(columns, (_cells(line) for line in period.lines), title=title))
    if came:
        listed = ", ".join(f"{each.what} {each.id} at {each.position}" for each in period.events)
        note(f"{' and '.join(came)}: {listed}.")
    for each in period.discounts:
        amounts = (each.before, each.now, each.difference)
        before, now, more = (grouped(money.decimal_text) for money in amounts)
        note(f"{each.name}: before {before}, now {now}, difference {more} ({each.text}).")
    taxes = "".join(f", {name} {grouped(amount.decimal_text)}" for name, amount in period.taxes)
    total = f"{grouped(period.total.decimal_text)} {period.total.currency.code}"
    note(f"Lines {grouped(period.subtotal.decimal_text)}{taxes}, together {total}.")
    for account, kind, amount in period.balances:
        note(f"Balance {account}: {kind} {grouped(amount.decimal_text)} more.")


def _cells(delta: DeltaLine) -> list[str]:
    correction = delta.line.correction
    causes = "" if correction is None else ", ".join(cause.value for cause in correction.causes)
    numbers = (
        str(delta.quantity_before),
        str(delta.quantity_now),
        *(money.decimal_text for money in (delta.amount_before, delta.amount_now, delta.line.amount)),
    )
    return [delta.line.description, causes, *(grouped(number) for number in numbers)]


def _problems(outcome: AccountOutcome) -> list[str]:
    from tieout.close.outcome import Held, Parked

    match outcome.outcome:
        case Parked(reason, action):
            return [f"{reason} {action[0].upper()}{action[1:]}."]
        case Held(breaks=breaks):
            return [
                f"{each.tie}: expected {each.expected}, found {each.found}. {each.next_action}"
                for each in breaks
            ]
        case _:
            return []


def preview_json(found: Preview) -> dict[str, Json]:
    import json

    from tieout.flows.delta_report import section_text

    return {
        "digest": found.digest,
        "kind": found.kind,
        "watermark": found.watermark,
        "by": found.person,
        "reason": found.reason,
        "documents": list(found.documents),
        "periods": [json.loads(section_text(each)) for each in found.periods],
        "stopped": [
            {"customer": outcome.customer, "problems": list(_problems(outcome))} for outcome in found.stopped
        ],
        "note": "not billed, and not under a signed policy, until another person approves it",
    }


def _report_json(report: StoredReport, papers: list[str]) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "digest": report.digest,
        "kind": report.kind,
        "previewed_at": format_instant(report.previewed_at),
        "by": report.person,
        "reason": report.reason,
        "approvals": [
            {"by": each.person, "reason": each.reason, "approved_at": format_instant(each.approved_at)}
            for each in report.approvals
        ],
        "papers": sorted(set(papers)),
    }
