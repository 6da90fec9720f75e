"""`tieout draft lines | add-line | approve-line | reject-line`: lines that people add to an invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.manual_lines import LineRow
    from tieout.kernel.instant import Instant
    from tieout.rate.manual_line import LineDecision, ManualLine

LineArgument = Annotated[str, typer.Argument(metavar="LINE", help="Its id (ml_...).", show_default=False)]


def lines(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every line that was added by hand, and what became of it."""
    from tieout.flows.manual_lines import list_lines

    with opened(home) as where:
        rows = list_lines(where, customer)
    if as_json:
        print_json([_row_json(row) for row in rows])
        return
    columns = ("line", "customer", "from", "description", "amount>", "currency", "by", "state", "invoice")
    say(table(columns, (_cells(row) for row in rows)))


def add_line(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    period: Annotated[
        str,
        typer.Option(
            help="An RFC 3339 instant inside its billing period, or START/END where it has several."
        ),
    ],
    amount: Annotated[str, typer.Option(help="In the customer's currency; a credit is below zero.")],
    description: Annotated[str, typer.Option(help="What the customer reads.")],
    by: ByOption,
    reason: ReasonOption,
    tax_category: Annotated[
        str | None, typer.Option(help="Of prices and taxes; standard if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for a charge or a credit on an invoice. Another person has to approve it."""
    from tieout.flows.manual_lines import LineOrder
    from tieout.flows.manual_lines import add_line as add

    within, until = _period(period)
    order = LineOrder(customer, within, until, amount, description, tax_category)
    with opened(home) as where:
        line = add(where, order, person=by, reason=reason)
    if as_json:
        print_json(line_json(line))
        return
    say(line.id)
    note(
        f"{grouped(line.amount.decimal_text)} {line.amount.currency} for {line.customer} waits for somebody "
        f"else to approve it: tieout draft approve-line {line.id} --by ... --reason ..."
    )


def approve_line(
    line: LineArgument, home: HomeOption, by: ByOption, reason: ReasonOption, as_json: JsonOption = False
) -> None:
    """Approve a line that somebody else added; it stands on the next draft of its period."""
    from tieout.rate.manual_line import LineDecision

    _decide(line, home, by, reason, LineDecision.APPROVED, as_json=as_json)


def reject_line(
    line: LineArgument, home: HomeOption, by: ByOption, reason: ReasonOption, as_json: JsonOption = False
) -> None:
    """Reject a line; that is final."""
    from tieout.rate.manual_line import LineDecision

    _decide(line, home, by, reason, LineDecision.REJECTED, as_json=as_json)


def _decide(
    line: str, home: HomeOption, by: str, reason: str, decision: LineDecision, *, as_json: bool
) -> None:
    from tieout.flows.manual_lines import decide_line

    with opened(home) as where:
        decided = decide_line(where, line, decision, person=by, reason=reason)
    if as_json:
        print_json(line_json(decided))
        return
    then = " It stands on the next draft of its period." if decided.is_approved else ""
    note(f"{decided.id} is {decision.value} by {by}.{then}")


def _period(text: str) -> tuple[Instant, Instant | None]:
    from tieout.kernel.instant import parse_instant

    start, slash, end = text.partition("/")
    return parse_instant(start), parse_instant(end) if slash else None


def _cells(row: LineRow) -> list[str]:
    from tieout.kernel.instant import format_instant

    line = row.line
    decided = "" if line.decided is None else f" ({line.decided.person}: {line.decided.reason})"
    return [
        line.id,
        line.customer,
        format_instant(line.period.start),
        line.description,
        grouped(line.amount.decimal_text),
        line.amount.currency.code,
        f"{line.person}: {line.reason}",
        f"left out of {row.left_out}: record it for a later period" if row.left_out else row.state + decided,
        row.invoice or "",
    ]


def _row_json(row: LineRow) -> Json:
    return {**line_json(row.line), "state": row.state, "invoice": row.invoice, "left_out_of": row.left_out}


def line_json(line: ManualLine) -> dict[str, Json]:
    """One line with its decision."""
    from tieout.kernel.instant import format_instant
    from tieout.rate.manual_line import line_digest

    decided = line.decided
    return {
        "id": line.id,
        "digest": line_digest(line),
        "customer": line.customer,
        "period": {"start": format_instant(line.period.start), "end": format_instant(line.period.end)},
        "amount": line.amount.decimal_text,
        "currency": line.amount.currency.code,
        "description": line.description,
        "tax_category": line.tax_category,
        "by": line.person,
        "reason": line.reason,
        "recorded_at": format_instant(line.recorded_at),
        "decision": None
        if decided is None
        else {
            "decision": decided.decision.value,
            "by": decided.person,
            "reason": decided.reason,
            "decided_at": format_instant(decided.decided_at),
        },
    }
