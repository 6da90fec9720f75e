"""Per unit: every unit costs the same, `unit_amount` for each `per` units, down to fractions of a unit.

Negative usage is credited at the same rate: it is never clamped to zero.
"""

from __future__ import annotations

from tieout.contract.price import PerUnit
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.wording import amount_text, rate_text, usage_text


def working(shape: PerUnit, quantity: Quantity, *, unit: str, currency: str) -> Working:
    """One step: `1,500 requests at 0.02 USD each = 30.00 USD`."""
    amount = quantity.as_fraction() * shape.unit_amount / shape.per
    rate = rate_text(shape.unit_amount, shape.per, currency)
    text = f"{usage_text(quantity, unit)} at {rate} = {amount_text(amount, currency)}"
    exact_rate = exact_text(shape.unit_amount / shape.per)
    return (Step(rule="per-unit", text=text, quantity=str(quantity), rate=exact_rate, amount=amount),)
