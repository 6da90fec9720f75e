"""Balances must tie too: opening and movements give the closing, and the invoice says what the movements say.

Sums are added up plainly here, from movements alone; of the code that drafted them only names are used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tieout.balance.commitment import COMMITMENT, METERED
from tieout.balance.fee import ADVANCE
from tieout.balance.grant import WALLET
from tieout.balance.movement import Movement, MovementKind
from tieout.close.breaks import Break, BreakClass
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import LineId
from tieout.rate.unused_fee import UNUSED_RULE

TIE_CREDITS = "credits used = movements"
TIE_BALANCE = "opening + movements = closing, never below zero"
TIE_ADVANCE = "fees billed in advance = earned + credited + still ahead"
ACTION = "redraft the invoice; if it stays, report the movements of `tieout wallet show`"

HELD = (WALLET, COMMITMENT, ADVANCE)
"""Accounts of what somebody holds; the one that adds up metered usage may fall below zero, by a credit."""


def balance_breaks(invoice: Invoice, opening: Sequence[Movement], moved: Sequence[Movement]) -> list[Break]:
    """Every break between an invoice and the movements that are to be sealed with it."""
    return [*_credit_breaks(invoice, moved), *_sum_breaks(opening, moved), *_advance_breaks(invoice, moved)]


def _credit_breaks(invoice: Invoice, moved: Sequence[Movement]) -> list[Break]:
    credited = sorted((credit.account, credit.amount.minor) for credit in invoice.credits)
    used = sorted(
        (each.account, -each.amount.minor)
        for each in moved
        if each.kind is MovementKind.USED and each.invoice == invoice.id
    )
    paid = sum(minor for _, minor in used)
    codes = {each.amount.currency.code for each in moved if each.kind is MovementKind.USED}
    sound = all(minor > 0 for _, minor in used) and codes <= {invoice.currency.code}
    within = paid <= max(invoice.total.minor, 0) and invoice.due.minor == invoice.total.minor - paid
    if credited == used and sound and within:
        return []
    text = f"{used} of {sorted(codes)}, total {invoice.total}, due {invoice.due}"
    size = f"{sum(minor for _, minor in credited) - paid} minor units"
    return [Break(TIE_CREDITS, f"credits {credited}", f"movements {text}", ACTION, size=size)]


def _sum_breaks(opening: Sequence[Movement], moved: Sequence[Movement]) -> list[Break]:
    breaks = []
    ids = [each.id for each in (*opening, *moved)]
    if len(set(ids)) != len(ids):
        twice = sorted({each for each in ids if ids.count(each) > 1})
        size, kind = f"{len(ids) - len(set(ids))} movements", BreakClass.DUPLICATE
        found = f"twice: {twice}"
        breaks.append(Break(TIE_BALANCE, "every movement once", found, ACTION, kind=kind, size=size))
    for account in sorted({each.account for each in moved if each.account.startswith(HELD)}):
        if account.endswith(METERED):
            continue
        before = _sum(opening, account)
        change = _sum(moved, account)
        if before + change < 0:
            found = f"{account}: {before} and {change} minor units give {before + change}"
            size = f"{before + change} minor units"
            breaks.append(Break(TIE_BALANCE, "nothing below zero", found, ACTION, size=size))
    return breaks


def _advance_breaks(invoice: Invoice, moved: Sequence[Movement]) -> list[Break]:
    """Lines for times after the period are what was billed in advance, and nothing else."""
    shares: Counter[LineId] = Counter()
    for discount in invoice.discounts:
        shares.update({line: share.minor for line, share in discount.shares})
    lines = {
        f"billed/{line.id}": line.amount.minor + shares[line.id]
        for line in invoice.lines
        if line.charge.segment.start >= invoice.period.end and line.correction is None
    }
    billed = {each.id: each.amount.minor for each in moved if each.kind is MovementKind.BILLED}
    credited = sum(each.amount.minor for each in moved if each.kind is MovementKind.CREDITED)
    unused = sum(
        line.amount.minor
        for line in invoice.lines
        if line.charge.snapshot is None and line.correction is None
        if any(step.rule == UNUSED_RULE for step in line.charge.steps)
    )
    if lines == billed and credited == unused:
        return []
    expected = f"lines ahead {sorted(lines.items())}, unused {unused}"
    off = sum(billed.values()) - sum(lines.values()) + credited - unused
    found = f"billed {sorted(billed.items())}, credited {credited}"
    return [Break(TIE_ADVANCE, expected, found, ACTION, size=f"{off} minor units")]


def _sum(movements: Iterable[Movement], account: str) -> int:
    return sum(each.amount.minor for each in movements if each.account == account)
