"""Flat: a fixed fee for a whole billing period; a part of the period pays its share by elapsed
whole seconds (`share.py`)."""

from __future__ import annotations

from tieout.contract.price import Flat
from tieout.kernel.period import Period
from tieout.kernel.working import Step, Working
from tieout.rate.share import Share
from tieout.rate.wording import amount_text


def working(shape: Flat, *, period: Period, segment: Period, currency: str) -> Working:
    """One step: the fee, or `49.00 USD for 14 of 31 days (...)`."""
    fee = amount_text(shape.amount, currency)
    if segment == period:
        text = f"{fee} for the whole period"
        return (Step(rule="flat", text=text, quantity=None, rate=None, amount=shape.amount),)
    share = Share(period, segment)
    amount = share.of(shape.amount)
    text = f"{fee}{share.text} = {amount_text(amount, currency)}"
    return (Step(rule="flat-prorated", text=text, quantity=None, rate=None, amount=amount),)
