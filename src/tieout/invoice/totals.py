"""Totals: lines add up to the subtotal; subtotal - discounts + taxes is the total (L10). Nothing is rounded,
nothing is cut off at zero."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.invoice.amounts import InvoiceDiscount, TaxAmount
from tieout.invoice.line import Line
from tieout.kernel.money import Currency, Money, zero


def subtotal(lines: Iterable[Line], currency: Currency) -> Money:
    """The sum of the line amounts. Raises `CurrencyMismatch` on a line in another currency."""
    return sum((line.amount for line in lines), zero(currency))


def total(subtotal_amount: Money, discounts: Iterable[InvoiceDiscount], taxes: Iterable[TaxAmount]) -> Money:
    """Discounts are negative; a tax that the prices contain is in the subtotal already."""
    reduced = sum((discount.amount for discount in discounts), subtotal_amount)
    return sum((tax.amount for tax in taxes if not tax.inclusive), reduced)
