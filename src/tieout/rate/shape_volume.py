"""Volume: all units are priced in the tier that the whole quantity falls into; `up_to` is inclusive.

The tier's flat amount is due once, that of the first tier even at zero, as it is with graduated tiers.
Negative usage falls into the first tier: it is credited at its rate, its flat amount is due, and the step
says so. More usage can cost less here, at the bound of a tier: `catalog check` warns of it.
"""

from __future__ import annotations

from tieout.contract.price import Tier, Volume
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.wording import amount_text, grouped, rate_text, usage_text


def working(shape: Volume, quantity: Quantity, *, unit: str, currency: str) -> Working:
    """A step for all units, and one for the tier's flat amount."""
    ordinal, tier = tier_of(shape, quantity)
    rate = tier.unit_amount / shape.per
    amount = quantity.as_fraction() * rate
    words = f"{usage_text(quantity, unit)} at {rate_text(tier.unit_amount, shape.per, currency)}"
    if quantity < QUANTITY_ZERO:
        words = f"{words} (negative usage goes at the first tier's rate)"
    elif len(shape.tiers) > 1:
        words = f"{words} (all in tier {ordinal}, {_span_text(shape, ordinal)})"
    text = f"{words} = {amount_text(amount, currency)}"
    units = Step(
        rule=f"volume-{ordinal}", text=text, quantity=str(quantity), rate=exact_text(rate), amount=amount
    )
    if tier.flat_amount == 0:
        return (units,)
    return (units, _flat_step(ordinal, tier.flat_amount, currency))


def tier_of(shape: Volume, quantity: Quantity) -> tuple[int, Tier]:
    """The tier's ordinal from 1, and the tier."""
    for ordinal, tier in enumerate(shape.tiers, start=1):
        if tier.up_to is None or quantity <= tier.up_to:
            return ordinal, tier
    raise AssertionError("the last tier is open")


def _span_text(shape: Volume, ordinal: int) -> str:
    """`up to 100`, `above 100 up to 500`, `above 500`."""
    below = shape.tiers[ordinal - 2].up_to if ordinal > 1 else None
    above = shape.tiers[ordinal - 1].up_to
    words = [] if below is None else [f"above {grouped(str(below))}"]
    return " ".join([*words, *([] if above is None else [f"up to {grouped(str(above))}"])])


def _flat_step(ordinal: int, amount: Exact, currency: str) -> Step:
    text = f"fixed amount of tier {ordinal} = {amount_text(amount, currency)}"
    return Step(rule=f"volume-{ordinal}-flat", text=text, quantity=None, rate=None, amount=amount)
