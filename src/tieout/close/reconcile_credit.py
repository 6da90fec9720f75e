"""A credit note must tie: it gives back no more than is left of its line, with tax of the same sign."""

from __future__ import annotations

from tieout.close.breaks import Break
from tieout.correction.credit import Creditable
from tieout.invoice.invoice import Invoice

TIE_CREDIT = "credit <= what is left of its line"
ACTION = "credit less; `tieout invoice show` says what the line came to"


def credit_breaks(note: Invoice, creditable: Creditable) -> list[Break]:
    """The note has one line, below zero; its taxes have the sign of the line, and stay within it."""
    (line,) = note.lines
    given = -line.amount.minor
    left = min(creditable.net - creditable.credited, creditable.settled)
    found = []
    if not 0 < given <= left:
        found.append(
            Break(
                TIE_CREDIT,
                f"{line.id}: 1 to {left} minor units",
                f"{line.id}: {given}",
                ACTION,
                size=f"{given - left} minor units",
            )
        )
    for tax in note.taxes:
        if tax.amount.minor * line.amount.minor < 0 or tax.lines != (line.id,):
            found.append(
                Break(
                    TIE_CREDIT, f"{tax.name}: tax of {line.id}", f"{tax.amount}", ACTION, size=str(tax.amount)
                )
            )
    return found
