"""Graduated percentage: each part of a metered amount of money costs its tier's share of itself.

`up_to` is inclusive and in whole units of the currency. A tier's flat amount is due once the amount enters
the tier; the first one is entered at zero. A negative amount is credited at the first tier's percentage.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.price import GraduatedPercentage, PercentTier
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.money_usage import stated_text, units_per
from tieout.rate.wording import amount_text, percent_text


def working(shape: GraduatedPercentage, quantity: Quantity, *, currency: str) -> Working:
    """A step for the part in each tier entered, and for each flat amount; parts add up to the quantity."""
    steps: list[Step] = []
    for ordinal, part, tier in pieces(shape, quantity, units_per(shape.amount_in, currency)):
        steps.append(_share_step(shape, ordinal, part, tier, currency))
        if tier.flat_amount != 0:
            text = f"fixed amount of tier {ordinal} = {amount_text(tier.flat_amount, currency)}"
            rule = f"percent-tier-{ordinal}-flat"
            steps.append(Step(rule=rule, text=text, quantity=None, rate=None, amount=tier.flat_amount))
    return tuple(steps)


def pieces(
    shape: GraduatedPercentage, quantity: Quantity, per_unit: int
) -> Iterator[tuple[int, Quantity, PercentTier]]:
    """(tier ordinal from 1, the part in it, the tier), in the unit of the quantity; `per_unit` of them make a
    unit of the currency."""
    lower = QUANTITY_ZERO
    for ordinal, tier in enumerate(shape.tiers, start=1):
        bound = None if tier.up_to is None else Quantity(tier.up_to.atoms * per_unit)
        upper = quantity if bound is None else min(quantity, bound)
        if ordinal == 1 or quantity > lower:
            yield ordinal, upper - lower, tier
        if bound is None:
            return
        lower = bound


def _share_step(
    shape: GraduatedPercentage, ordinal: int, part: Quantity, tier: PercentTier, currency: str
) -> Step:
    rate = tier.percent / 100 / units_per(shape.amount_in, currency)
    amount = part.as_fraction() * rate
    shown = stated_text(part, shape.amount_in, currency)
    words = f"{percent_text(tier.percent)} of the {'first' if ordinal == 1 else 'next'} {shown}"
    if part < QUANTITY_ZERO:
        words = f"{percent_text(tier.percent)} of {shown} (a negative amount goes by the first tier)"
    text = f"{words} = {amount_text(amount, currency)}"
    rule = f"percent-tier-{ordinal}"
    return Step(rule=rule, text=text, quantity=str(part), rate=exact_text(rate), amount=amount)
