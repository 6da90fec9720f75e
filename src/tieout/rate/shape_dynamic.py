"""Dynamic: the events carry the price, and what they state is added up as it stands, credits included.

The metered quantity is shown, not multiplied. No usage costs nothing.
"""

from __future__ import annotations

from tieout.contract.price import Dynamic
from tieout.kernel.quantity import Quantity
from tieout.kernel.working import Step, Working
from tieout.rate.money_usage import money_of
from tieout.rate.wording import amount_text, events_text, usage_text


def working(
    shape: Dynamic, quantity: Quantity, event_count: int, *, stated: Quantity, unit: str, currency: str
) -> Working:
    """One step: `3 calls, 12.50 USD as stated in cost of 3 events`; it has no rate."""
    amount = money_of(stated, shape.amount_in, currency)
    text = f"{usage_text(quantity, unit)}, {amount_text(amount, currency)} as stated in "
    text = f"{text}{shape.amount_field} of {events_text(event_count)}"
    return (Step(rule="dynamic", text=text, quantity=str(quantity), rate=None, amount=amount),)
