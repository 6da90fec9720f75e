"""Totals: lines add up to the subtotal, and that to the total (L10). Nothing is rounded."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.invoice.line import Line
from tieout.kernel.money import Currency, Money, zero


def subtotal(lines: Iterable[Line], currency: Currency) -> Money:
    """The sum of the line amounts. Raises `CurrencyMismatch` on a line in another currency."""
    return sum((line.amount for line in lines), zero(currency))


def total(subtotal_amount: Money) -> Money:
    """Discounts and taxes will stand between the two; without any, the total is the subtotal."""
    return subtotal_amount
