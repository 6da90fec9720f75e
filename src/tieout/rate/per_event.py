"""Per event: each event is rated alone, as if it were all the usage; the results are added up.

Events of equal value cost the same, so each distinct value is rated once and multiplied. With
`round_at = "event"` what one event costs is rounded to minor units before it is multiplied, and the step
names the rule that rounded; else the line alone is rounded, once. No events cost nothing, whatever a first
tier asks for at zero: there is nothing to rate.
"""

from __future__ import annotations

from collections.abc import Callable

from tieout.aggregate.breakdown import UsageGroup
from tieout.contract.price import Price
from tieout.kernel.limits import EVENT_STEPS_MAX
from tieout.kernel.money import currency
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import settle
from tieout.kernel.working import Step, Working
from tieout.rate.usage import Usage
from tieout.rate.wording import amount_text, events_text, rounding_text, usage_text

RateOne = Callable[[Usage], Working]


def working(rate_one: RateOne, usage: Usage, price: Price) -> Working:
    """A step for each distinct event, at most `EVENT_STEPS_MAX` of them, and one for all the rest."""
    if not usage.groups:
        text = f"{usage_text(QUANTITY_ZERO, usage.unit)}: there is no event to rate"
        return (Step(rule="event", text=text, quantity="0", rate=None, amount=Exact(0)),)
    shown = [_step(group, rate_one, usage.unit, price) for group in usage.groups[:EVENT_STEPS_MAX]]
    rest = usage.groups[EVENT_STEPS_MAX:]
    if not rest:
        return tuple(shown)
    return (*shown, _rest(rest, rate_one, usage.unit, price))


def _step(group: UsageGroup, rate_one: RateOne, unit: str, price: Price) -> Step:
    each, inner = _each(group, rate_one, unit, price)
    amount = each * group.event_count
    words = "; ".join(step.text for step in inner)
    if _rounds(price):
        words = f"{words}; rounded {rounding_text(price.rounding)} to {amount_text(each, price.currency)}"
    elif len(inner) > 1:
        words = f"{words}; together {amount_text(each, price.currency)}"
    text = f"{events_text(group.event_count)}: {words}"
    if group.event_count > 1:
        text = f"{events_text(group.event_count)}, each: {words}; all = {amount_text(amount, price.currency)}"
    return Step(rule=_name(price), text=text, quantity=str(group.quantity), rate=None, amount=amount)


def _rest(groups: tuple[UsageGroup, ...], rate_one: RateOne, unit: str, price: Price) -> Step:
    amount, quantity, count = Exact(0), QUANTITY_ZERO, 0
    for group in groups:
        amount += _each(group, rate_one, unit, price)[0] * group.event_count
        quantity += group.quantity
        count += group.event_count
    rounded = f", each rounded {rounding_text(price.rounding)}" if _rounds(price) else ""
    text = f"{events_text(count)} of {len(groups):,} further values, {usage_text(quantity, unit)}, "
    text = f"{text}rated the same way one by one{rounded} = {amount_text(amount, price.currency)}"
    return Step(rule=f"{_name(price)}-rest", text=text, quantity=str(quantity), rate=None, amount=amount)


def _each(group: UsageGroup, rate_one: RateOne, unit: str, price: Price) -> tuple[Exact, Working]:
    """What one event of the group costs, and how."""
    assert group.value is not None, "the price asked for the value of each event"
    inner = rate_one(Usage(group.value, 1, unit, group.each_amount))
    cost = sum((step.amount for step in inner), Exact(0))
    if _rounds(price):
        cost = settle(cost, currency(price.currency), price.rounding).as_fraction()
    return cost, inner


def _rounds(price: Price) -> bool:
    return price.round_at == "event"


def _name(price: Price) -> str:
    """The rule that rounded is part of the step's."""
    return f"event-rounded-{price.rounding.value}" if _rounds(price) else "event"
