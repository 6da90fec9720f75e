"""What a customer reads under a line that corrects a sealed period: which line of which paper and period,
what was billed before, what it comes to now, the difference, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.cli.screen import grouped, plain

if TYPE_CHECKING:
    from tieout.invoice.stored_document import CorrectionOfDocument, LineOfDocument


def correction_rows(line: LineOfDocument, correction: CorrectionOfDocument, span: str) -> list[str]:
    """In the order in which finance asks; `span` is the corrected period in the customer's days."""
    rows = [f"corrects {_original(line, correction)} for {span}"]
    if correction.is_credit:
        return [*rows, f"because of {_why(correction)}"]
    for each in line.earlier:
        rows.append(f"billed so far: {_amount(line, each.quantity, each.amount)} on {each.number}")
    if len(line.earlier) != 1:
        rows.append(f"billed so far, together: {_amount(line, *_before(line))}")
    now = (line.quantity, line.amount) if line.cumulative is None else _cumulative(line)
    rows.append(f"as known now: {_amount(line, *now)}")
    rows.append(f"difference, billed here: {_amount(line, line.quantity, line.amount, signed=True)}")
    return [*rows, f"because of {_why(correction)}"]


def _original(line: LineOfDocument, correction: CorrectionOfDocument) -> str:
    if correction.original_line is None:
        return "what was not billed"
    ordinal = correction.original_line.rpartition("-")[2]
    return (
        f"{line.earlier[0].number}, line {ordinal}," if line.earlier else f"line {correction.original_line}"
    )


def _before(line: LineOfDocument) -> tuple[str, str]:
    quantities = sum((Decimal(each.quantity) for each in line.earlier), Decimal(0))
    zero = Decimal(line.amount) * 0  # with the digits of the currency
    return f"{quantities:f}", f"{sum((Decimal(each.amount) for each in line.earlier), zero):f}"


def _cumulative(line: LineOfDocument) -> tuple[str, str]:
    assert line.cumulative is not None, "the caller looked"
    return line.cumulative.quantity, line.cumulative.amount


def _amount(line: LineOfDocument, quantity: str, amount: str, *, signed: bool = False) -> str:
    """`1,200 call, 12.00`; without a quantity where nothing is metered."""
    more, plus = ("+" if signed and Decimal(each) > 0 else "" for each in (quantity, amount))
    metered = "" if line.meter is None else f"{more}{grouped(quantity)} {plain(line.unit)}, "
    return f"{metered}{plus}{grouped(amount)}"


def _why(correction: CorrectionOfDocument) -> str:
    late, gone = correction.late_events, correction.retracted_events
    came = [f"{grouped(str(late))} {_events(late)} came after the invoice"] if late else []
    came += [f"{grouped(str(gone))} {_events(gone)} were taken back"] if gone > 1 else []
    came += ["1 event was taken back"] if gone == 1 else []
    said = f" ({' and '.join(came)})" if came else ""
    superseded = correction.superseded_price_version
    version = "" if superseded is None else f" (in place of price version {superseded})"
    return f"{', '.join(correction.causes)}{said}{version}: {correction.reason}"


def _events(count: int) -> str:
    return "event" if count == 1 else "events"
