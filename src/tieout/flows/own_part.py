"""What a sealed paper asks for its own period: without the lines that correct other periods or that a person
added, and without their part of the taxes. Those no price of the catalog asks for again.
"""

from __future__ import annotations

from tieout.invoice.stored_document import LineOfDocument, StoredDocument
from tieout.kernel.ids import LineId
from tieout.kernel.money import Currency, Money, currency, zero
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding, settle
from tieout.rate.manual_line import is_manual


def own_lines(paper: StoredDocument) -> list[LineOfDocument]:
    return [line for line in paper.lines if line.correction is None and not is_manual(line.price)]


def own_total(paper: StoredDocument) -> Money:
    """The paper's total where all lines are its own; else theirs after discounts, with each added tax worked
    out on them alone, in the order and by the rounding that the paper states."""
    unit = currency(paper.currency)
    own = own_lines(paper)
    if len(own) == len(paper.lines):
        return printed_money(paper.total, unit)
    net = {line.id: printed_money(line.net, unit) for line in own}
    total = sum(net.values(), zero(unit))
    before: list[tuple[frozenset[LineId], Money]] = []
    for tax in (each for each in paper.taxes if not each.inclusive):
        on = frozenset(tax.lines) & net.keys()
        base = sum((net[line] for line in on), zero(unit))
        if tax.compound:
            base = sum((amount for lines, amount in before if lines == on), base)
        amount = settle(base.as_fraction() * exact(tax.percent) / 100, unit, Rounding(tax.rounding))
        before.append((on, amount))
        total += amount
    return total


def printed_money(text: str, unit: Currency) -> Money:
    """A printed amount is a whole number of minor units: nothing is rounded."""
    return settle(exact(text), unit, Rounding.DOWN)
