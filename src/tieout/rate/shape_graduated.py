"""Graduated: each unit is priced in its tier. Units up to and including `up_to`; the rest go on.

A tier's flat amount is due once usage enters the tier; the first one is entered at zero (as Stripe bills it).
Negative usage is credited at the first tier's rate, and the step says so: it is never clamped to zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.price import Graduated, Tier
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.wording import amount_text, grouped, rate_text, usage_text


def working(shape: Graduated, quantity: Quantity, *, unit: str, currency: str) -> Working:
    """A step for the units of each tier entered, and for each flat amount; quantities add up to the usage."""
    steps: list[Step] = []
    for ordinal, lower, units, tier in pieces(shape, quantity):
        steps.append(_units_step(ordinal, lower, units, tier, per=shape.per, unit=unit, currency=currency))
        if tier.flat_amount != 0:
            steps.append(_flat_step(ordinal, lower, tier, unit=unit, currency=currency))
    return tuple(steps)


def pieces(shape: Graduated, quantity: Quantity) -> Iterator[tuple[int, Quantity, Quantity, Tier]]:
    """(tier ordinal from 1, its lower bound, the units in it, the tier) of every tier that usage enters."""
    lower = QUANTITY_ZERO
    for ordinal, tier in enumerate(shape.tiers, start=1):
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if ordinal == 1 or quantity > lower:
            yield ordinal, lower, upper - lower, tier
        if tier.up_to is None:
            return
        lower = tier.up_to


def _units_step(
    ordinal: int, lower: Quantity, units: Quantity, tier: Tier, *, per: Exact, unit: str, currency: str
) -> Step:
    amount = units.as_fraction() * tier.unit_amount / per
    rate = rate_text(tier.unit_amount, per, currency)
    used = usage_text(units, unit)
    if units < QUANTITY_ZERO:
        words = f"{used} at {rate} (negative usage goes at the first tier's rate)"
    elif ordinal == 1:
        words = f"first {used} at {rate}"
    else:
        words = f"next {used} (above {grouped(str(lower))}) at {rate}"
    text = f"{words} = {amount_text(amount, currency)}"
    exact_rate = exact_text(tier.unit_amount / per)
    return Step(rule=f"tier-{ordinal}", text=text, quantity=str(units), rate=exact_rate, amount=amount)


def _flat_step(ordinal: int, lower: Quantity, tier: Tier, *, unit: str, currency: str) -> Step:
    above = "" if ordinal == 1 else f" (above {usage_text(lower, unit)})"
    text = f"fixed amount of tier {ordinal}{above} = {amount_text(tier.flat_amount, currency)}"
    return Step(rule=f"tier-{ordinal}-flat", text=text, quantity=None, rate=None, amount=tier.flat_amount)
