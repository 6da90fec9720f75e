"""Flat: a fixed fee for a whole billing period; a part of the period pays its share by elapsed whole seconds.

Both ends of a part are floored to the second, so the shares of adjoining parts always add up to the whole.
"""

from __future__ import annotations

from tieout.contract.price import Flat
from tieout.kernel.instant import SECOND_MICROSECONDS
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step, Working
from tieout.rate.wording import amount_text, share_text, stretch_text


def working(shape: Flat, *, period: Period, segment: Period, currency: str) -> Working:
    """One step: the fee, or `49.00 USD for 14 of 31 days (...)`."""
    fee = amount_text(shape.amount, currency)
    if segment == period:
        text = f"{fee} for the whole period"
        return (Step(rule="flat", text=text, quantity=None, rate=None, amount=shape.amount),)
    part, whole = elapsed_seconds(segment), elapsed_seconds(period)
    amount = shape.amount * Exact(part, whole)
    text = f"{fee} for {share_text(part, whole)}, {stretch_text(segment)} = {amount_text(amount, currency)}"
    return (Step(rule="flat-prorated", text=text, quantity=None, rate=None, amount=amount),)


def elapsed_seconds(period: Period) -> int:
    """Whole seconds between the floored ends."""
    return period.end // SECOND_MICROSECONDS - period.start // SECOND_MICROSECONDS
