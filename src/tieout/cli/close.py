"""`tieout close`: snapshot, rate, draft, reconcile and seal every period that is due. Twice does no harm."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.breaks_shown import break_json, break_text
from tieout.cli.invoice import invoices_table, row_json
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, progress, say, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from tieout.close.outcome import Outcome
    from tieout.flows.close_periods import BucketRow, CloseReport
    from tieout.kernel.money import Money


def close(
    home: HomeOption,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Close what was due at this RFC 3339 instant. Default: now.")
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option("--account", "--customer", help="Only this customer's account; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen; write nothing.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that draft; as many as there are cores if left out.",
            min=1,
            envvar="TIEOUT_WORKERS",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Close due periods.

    Exit code 1 when an account was held or parked.
    """
    from tieout.close.outcome import WAITING, outcome_name
    from tieout.flows.close_periods import close as close_periods
    from tieout.flows.policy import NOT_SIGNED
    from tieout.kernel.ids import CustomerId
    from tieout.kernel.instant import parse_instant

    instant = None if as_of is None else parse_instant(as_of)
    chosen = tuple(CustomerId(key) for key in customer) if customer else None
    with opened(home) as where, progress("Closing") as advance:
        report = close_periods(
            where,
            as_of=where.clock.now() if instant is None else instant,
            customers=chosen,
            dry_run=dry_run,
            progress=advance,
            workers=workers or len(os.sched_getaffinity(0)),
        )
    if as_json:
        print_json(report_json(report, dry_run=dry_run))
    else:
        if dry_run:
            note(f"Dry run: nothing was written; what is shown is billed to nobody, {NOT_SIGNED}.")
        say_close(report)
    if any(outcome_name(outcome) in WAITING for _, _, outcome in report.outcomes):
        raise typer.Exit(1)


def say_close(report: CloseReport) -> None:
    """Outcomes, what needs a person, the invoices, and what is in none of them."""
    say_close_to(say, report, invoices=True)


def say_close_to(show: Callable[[RenderableType], None], report: CloseReport, *, invoices: bool) -> None:
    """The same to any listener, with the list of invoices or only their totals by currency."""
    from tieout.close.outcome import WAITING, InReview, NotDue, outcome_name

    counts = Counter(outcome_name(outcome) for _, _, outcome in report.outcomes)
    show(
        f"Cutoff: batch {grouped(str(report.cutoff))}. "
        + ", ".join(f"{grouped(str(count))} {name}" for name, count in sorted(counts.items()))
    )
    waiting = [
        [customer, outcome_name(outcome).value, *why(outcome)]
        for customer, _, outcome in report.outcomes
        if outcome_name(outcome) in WAITING
    ]
    if waiting:
        show(table(("customer", "outcome", "why", "next action"), waiting))
    in_review = [
        [customer, outcome.invoice, str(outcome.revision), outcome.waits_for]
        for customer, _, outcome in report.outcomes
        if isinstance(outcome, InReview)
    ]
    if in_review:
        show(table(("customer", "draft", "revision>", "waits for"), in_review))
    kept_back = Counter(
        outcome.why for _, _, outcome in report.outcomes if isinstance(outcome, NotDue) and outcome.why
    )
    for reason, count in sorted(kept_back.items()):
        show(f"{grouped(str(count))} not due: {reason}.")
    if invoices and report.invoices:
        show(invoices_table(report.invoices))
    elif report.invoices:
        show(_totals_text(report))
    reasons = [
        [row.customer, row.number or "-", fact.condition.value, fact.text]
        for row in report.invoices
        if row.off_cycle is not None
        for fact in row.off_cycle.facts
    ]
    if reasons:
        show(table(("interim of", "number", "condition", "what met it"), reasons))
    if report.buckets:
        columns = (
            *("meter", "counted>", "excluded>", "why excluded", "filtered out>"),
            *("no customer>", "no price>", "retracted>", "late>", "late retracted>"),
        )
        show(table(columns, (_bucket_cells(row) for row in report.buckets)))


def _bucket_cells(row: BucketRow) -> list[str]:
    why = "\n".join(f"{reason}: {grouped(str(count))}" for reason, count in row.excluded)
    counts = (row.not_matched, row.unmatched, row.unpriced, row.retracted, row.late, row.late_retracted)
    return [
        *(row.meter, grouped(str(row.counted)), grouped(str(row.excluded_count)), why),
        *(grouped(str(count)) for count in counts),
    ]


def _totals_text(report: CloseReport) -> str:
    """`12 invoices: USD 1,234.50, JPY 4,400`."""
    totals: dict[str, Money] = {}
    for row in report.invoices:
        totals[row.currency] = totals[row.currency] + row.total if row.currency in totals else row.total
    sums = ", ".join(f"{code} {grouped(total.decimal_text)}" for code, total in sorted(totals.items()))
    return f"{grouped(str(len(report.invoices)))} invoices: {sums}"


def why(outcome: Outcome) -> tuple[str, str]:
    """Why it is not sealed, and what to do about it."""
    from tieout.close.outcome import Held, InReview, Parked

    match outcome:
        case Held(breaks=breaks):
            whys = "\n".join(break_text(found) for found in breaks)
            return whys, "\n".join(dict.fromkeys(found.next_action for found in breaks))
        case Parked(reason=reason, next_action=next_action):
            return reason, next_action
        case InReview(revision=revision, waits_for=waits_for):
            return f"revision {revision} waits for {waits_for}", "tieout draft show"
        case _:
            return "", ""


def outcome_json(outcome: Outcome) -> dict[str, Json]:
    """One word, and what goes with it."""
    from tieout.close.outcome import Held, InReview, NotDue, Parked, Sealed, outcome_name
    from tieout.kernel.instant import format_instant

    named: dict[str, Json] = {"outcome": outcome_name(outcome).value}
    match outcome:
        case Sealed(invoice=invoice, number=number):
            return {**named, "invoice": invoice, "number": number}
        case Held(invoice=invoice, breaks=breaks):
            rows: list[Json] = [break_json(row) for row in breaks]
            return {**named, "invoice": invoice, "breaks": rows}
        case Parked(reason=reason, next_action=next_action):
            return {**named, "reason": reason, "next_action": next_action}
        case InReview(invoice=invoice, revision=revision, waits_for=waits_for):
            return {**named, "invoice": invoice, "revision": revision, "waits_for": waits_for}
        case NotDue(due_at=due_at, why=kept):
            told: dict[str, Json] = {"reason": kept} if kept else {}
            return {**named, "due_at": None if due_at is None else format_instant(due_at), **told}


def report_json(report: CloseReport, *, dry_run: bool) -> Json:
    """What a close did, whole."""
    from tieout.flows.policy import NOT_SIGNED
    from tieout.kernel.instant import format_instant

    outcomes: list[Json] = [
        {
            "customer": customer,
            "period": None
            if period is None
            else {"start": format_instant(period.start), "end": format_instant(period.end)},
            **outcome_json(outcome),
        }
        for customer, period, outcome in report.outcomes
    ]
    return {
        "as_of": format_instant(report.as_of),
        "cutoff": report.cutoff,
        "dry_run": dry_run,
        **({"standing": NOT_SIGNED} if dry_run else {}),
        "outcomes": outcomes,
        "invoices": [row_json(row) for row in report.invoices],
        "buckets": [_bucket_json(row) for row in report.buckets],
    }


def _bucket_json(row: BucketRow) -> Json:
    return {
        "meter": row.meter,
        "counted": row.counted,
        "excluded": row.excluded_count,
        "excluded_reasons": dict(row.excluded),
        "not_matched": row.not_matched,
        "unmatched": row.unmatched,
        "unpriced": row.unpriced,
        "retracted": row.retracted,
        "late": row.late,
        "late_retracted": row.late_retracted,
    }
