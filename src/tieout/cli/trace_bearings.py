"""What a traced line corrects, what was settled of it before, and its postings: on the screen and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from tieout.flows.line_postings import Bearings, LinePosting


def bearings_parts(found: Bearings, unit: str) -> Iterator[RenderableType]:
    """Nothing is said of what there is not."""
    from rich.text import Text

    from tieout.kernel.instant import format_instant

    for each in found.earlier:
        quantity, amount = grouped(str(each.quantity)), grouped(each.amount.decimal_text)
        yield Text(plain(f"Less {quantity} {unit}: {amount} on {each.number}, line {each.line}"))
    correction = found.correction
    if correction is not None:
        start, end = format_instant(correction.period.start), format_instant(correction.period.end)
        original = "nothing sealed before" if correction.original is None else f"line {correction.original}"
        causes = ", ".join(cause.value for cause in correction.causes)
        yield Text(plain(f"Corrects {original} of {start} until {end}: {causes}; {correction.reason}"))
    if found.postings:
        columns = ("for line", "effective", "booked in", "entry", "account", "debit>", "credit>")
        yield table(columns, [_row(each) for each in found.postings], title="In the ledger")


def bearings_json(found: Bearings) -> dict[str, Json]:
    import json

    from tieout.invoice.earlier import correction_text
    from tieout.kernel.instant import format_instant

    correction = correction_text(found.correction)
    return {
        "correction": None if correction is None else json.loads(correction),
        "earlier": [
            {
                "line": each.line,
                "number": each.number,
                "quantity": str(each.quantity),
                "amount": each.amount.decimal_text,
            }
            for each in found.earlier
        ],
        "postings": [
            {
                "line": each.line,
                "entry": each.entry,
                "account": each.account.value,
                "amount": each.amount.decimal_text,
                "effective_at": format_instant(each.effective_at),
                "accounting_period": each.accounting_period,
                "reverses": each.reverses,
            }
            for each in found.postings
        ],
    }


def _row(each: LinePosting) -> list[str]:
    from tieout.kernel.instant import format_instant

    amount = grouped(each.amount.decimal_text.removeprefix("-"))
    sides = [amount, ""] if each.amount.minor > 0 else ["", amount]
    entry = each.entry if each.reverses is None else f"{each.entry}, takes back {each.reverses}"
    when = format_instant(each.effective_at)
    return [each.line, when, each.accounting_period or "not posted", entry, each.account.value, *sides]
