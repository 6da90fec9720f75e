"""Percentage: `percent` of the metered amount of money, plus `fixed` for each event.

Every event that counted pays the fixed part, one of zero or of a negative amount (a refund) as well. A
negative amount is credited its percentage. Where one event is rated, `event_minimum` and `event_maximum`
bound what it costs, fixed part included; the minimum is not asked of a refund, and no refund is credited more
than the maximum, since none cost more.
"""

from __future__ import annotations

from tieout.contract.price import Percentage
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.money_usage import stated_text, units_per
from tieout.rate.wording import amount_text, events_text, percent_text


def working(shape: Percentage, quantity: Quantity, event_count: int, *, currency: str) -> Working:
    """A step for the share, and one for the fixed part of the events; bounds of one event are not looked
    at."""
    rate = shape.percent / 100 / units_per(shape.amount_in, currency)
    amount = quantity.as_fraction() * rate
    shown = stated_text(quantity, shape.amount_in, currency)
    text = f"{percent_text(shape.percent)} of {shown} = {amount_text(amount, currency)}"
    share = Step(rule="percentage", text=text, quantity=str(quantity), rate=exact_text(rate), amount=amount)
    if shape.fixed == 0:
        return (share,)
    fixed = shape.fixed * event_count
    each = (
        "" if event_count == 1 else f"for each of {events_text(event_count)} = {amount_text(fixed, currency)}"
    )
    text = f"{amount_text(shape.fixed, currency)} {each or 'for the event'}"
    return (share, Step(rule="percentage-fixed", text=text, quantity=None, rate=None, amount=fixed))


def event_working(shape: Percentage, quantity: Quantity, *, currency: str) -> Working:
    """The same for a single event, and a step for the bound that it meets."""
    steps = working(shape, quantity, 1, currency=currency)
    cost = sum((step.amount for step in steps), Exact(0))
    bound = _bound(shape, quantity, cost)
    if bound is None:
        return steps
    rule, words, limit = bound
    text = f"{amount_text(cost, currency)} is {words} of {amount_text(abs(limit), currency)}"
    return (*steps, Step(rule=rule, text=text, quantity=None, rate=None, amount=limit - cost))


def _bound(shape: Percentage, quantity: Quantity, cost: Exact) -> tuple[str, str, Exact] | None:
    least, most = shape.event_minimum, shape.event_maximum
    if least is not None and quantity >= QUANTITY_ZERO and cost < least:
        return "event-minimum", "below the event minimum", least
    if most is not None and cost > most:
        return "event-maximum", "above the event maximum", most
    if most is not None and cost < -most:
        return "event-maximum", "a credit above the event maximum", -most
    return None
