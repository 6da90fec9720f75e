"""Flat: a fixed fee for a whole billing period; a part of the period pays its share by elapsed
whole seconds (`share.py`)."""

from __future__ import annotations

from tieout.contract.price import Flat
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.share import Share
from tieout.rate.wording import amount_text, grouped

FLAT_UNIT = "fee"


def working(
    shape: Flat, *, period: Period, segment: Period, currency: str, quantity: Quantity | None = None
) -> Working:
    """One step: the fee, or `49.00 USD for 14 of 31 days (...)`; `5 x 49.00 USD` with a stated quantity."""
    fee, due = amount_text(shape.amount, currency), shape.amount * quantity_of(quantity).as_fraction()
    counted, rate = None, None
    if quantity is not None:
        fee = f"{grouped(str(quantity))} x {fee}"
        counted, rate = str(quantity), exact_text(shape.amount)
    if segment == period:
        total = "" if quantity is None else f" = {amount_text(due, currency)}"
        text = f"{fee} for the whole period{total}"
        return (Step(rule="flat", text=text, quantity=counted, rate=rate, amount=due),)
    share = Share(period, segment)
    amount = share.of(due)
    text = f"{fee}{share.text} = {amount_text(amount, currency)}"
    return (Step(rule="flat-prorated", text=text, quantity=counted, rate=rate, amount=amount),)


def quantity_of(stated: Quantity | None) -> Quantity:
    """How often the fee is due: once, unless the subscription says otherwise."""
    return Quantity.of(1) if stated is None else stated
