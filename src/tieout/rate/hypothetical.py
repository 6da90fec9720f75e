"""Usage that nobody had: what somebody types in to see what a price would ask for it.

What the price needs and was not given is refused, never guessed. Where events are rated one by one, the
usage is spread over them evenly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieout.aggregate.breakdown import UsageGroup
from tieout.aggregate.snapshot import Snapshot
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.price import Dynamic, Flat, GraduatedPercentage, Percentage, Price, plain_shapes
from tieout.kernel.digest import Fingerprint
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.ids import CustomerId, SubscriptionId, Watermark
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, quantize
from tieout.rate.needs import breakdown_of
from tieout.rate.shape import has_tiers

NOBODY = (SubscriptionId("nobody"), CustomerId("nobody"))


class UsageDoesNotFit(Refusal):
    """What was typed in is not what the price rates."""

    code = "usage-does-not-fit"

    def __init__(self, price: Price, why: str) -> None:
        super().__init__(f"Price {price.key} version {price.version}: {why}.")


@dataclass(frozen=True, slots=True)
class HypotheticalUsage:
    """`quantity` in the meter's unit, before any conversion; `amount` of money, of all events together, for a
    price that takes a share of one or adds up what events state. `dimensions` are values of the meter's
    dimensions. `prior` is the usage of earlier parts of the period, from which a price whose tiers continue
    goes on. Of a flat fee, `quantity` says how often it is due.
    """

    quantity: Quantity | None
    events: int | None
    amount: Quantity | None
    dimensions: Mapping[str, str]
    prior: Quantity | None = None


def hypothetical_snapshot(
    price: Price, meter: Meter | None, over: Period, usage: HypotheticalUsage
) -> Snapshot | None:
    """The snapshot that such usage would give; None for a flat price. Raises `UsageDoesNotFit`."""
    if isinstance(price.shape, Flat):
        if (usage.events, usage.amount, usage.prior) != (None, None, None) or usage.dimensions:
            raise UsageDoesNotFit(price, "a flat fee does not depend on usage; give --quantity alone")
        if usage.quantity is not None and usage.quantity < QUANTITY_ZERO:
            raise UsageDoesNotFit(price, f"a fee cannot be due {usage.quantity} times")
        return None
    assert meter is not None, "a price of a checked catalog has its meter"
    unknown = sorted(set(usage.dimensions) - set(meter.dimensions))
    if unknown:
        known = f"it has {', '.join(meter.dimensions)}" if meter.dimensions else "it has none"
        raise UsageDoesNotFit(price, f"meter {meter.key} has no dimension {shown(unknown[0])}; {known}")
    if usage.prior is not None and not (price.tier_split == "continue" and has_tiers(price)):
        raise UsageDoesNotFit(price, "no tiers go on from earlier parts of the period; leave --prior out")
    quantity = _quantity(price, usage)
    events = _events(price, meter, usage, quantity)
    subscription, customer = NOBODY
    breakdown = breakdown_of(price)
    return Snapshot(
        meter=meter.key,
        meter_version=meter.version,
        meter_digest=meter.digest,
        unit=meter.unit,
        subscription=subscription,
        customer=customer,
        period=over,
        watermark=Watermark(0),
        quantity=quantity,
        event_count=events,
        fingerprint=Fingerprint(events, 0, 0),
        excluded_count=0,
        breakdown=breakdown,
        groups=_groups(price, usage, quantity, events) if breakdown and events else (),
        conversion=meter.conversion,
    )


def takes_a_share(price: Price) -> bool:
    """Whether what it meters is money of which it takes a share."""
    return all(isinstance(shape, Percentage | GraduatedPercentage) for shape in plain_shapes(price.shape))


def _quantity(price: Price, usage: HypotheticalUsage) -> Quantity:
    adds_up = any(isinstance(shape, Dynamic) for shape in plain_shapes(price.shape))
    if takes_a_share(price):
        if usage.amount is None:
            raise UsageDoesNotFit(price, "it takes a share of an amount of money; give --amount")
        if usage.quantity not in (None, usage.amount):
            raise UsageDoesNotFit(price, "it takes a share of an amount of money; give --amount alone")
        return usage.amount
    if adds_up and usage.amount is None:
        raise UsageDoesNotFit(price, "it adds up the amounts that events state; give --amount")
    if not adds_up and usage.amount is not None:
        raise UsageDoesNotFit(price, "it rates a quantity, not an amount of money; give --quantity")
    if usage.quantity is None:
        raise UsageDoesNotFit(price, "it rates a quantity; give --quantity")
    return usage.quantity


def _events(price: Price, meter: Meter, usage: HypotheticalUsage, quantity: Quantity) -> int:
    if meter.aggregation is Aggregation.COUNT:
        counted = quantity.as_fraction()
        if counted.denominator != 1 or counted < 0 or usage.events not in (None, int(counted)):
            raise UsageDoesNotFit(price, f"meter {meter.key} counts events: {quantity} of them cannot be")
        return int(counted)
    events = usage.events
    if events is None:
        return 0 if quantity == QUANTITY_ZERO and usage.amount in (None, QUANTITY_ZERO) else 1
    if events == 0 and (quantity != QUANTITY_ZERO or usage.amount not in (None, QUANTITY_ZERO)):
        raise UsageDoesNotFit(price, "without an event there is no usage; give --events")
    return events


def _groups(
    price: Price, usage: HypotheticalUsage, quantity: Quantity, events: int
) -> tuple[UsageGroup, ...]:
    """One group: all events are alike."""
    breakdown = breakdown_of(price)
    stated = usage.amount if breakdown.amount_field is not None else None
    return (
        UsageGroup(
            values=tuple(usage.dimensions.get(name) for name in breakdown.dimensions),
            quantity=quantity,
            event_count=events,
            value=_each(price, quantity, events) if breakdown.by_value else None,
            amount=stated,
            each_amount=_each(price, stated, events) if breakdown.by_value and stated is not None else None,
        ),
    )


def _each(price: Price, whole: Quantity, events: int) -> Quantity:
    each = whole.as_fraction() / Exact(events)
    found = quantize(each, FRACTION_DIGITS_MAX, Rounding.DOWN)
    if found.as_fraction() != each:
        raise UsageDoesNotFit(
            price, f"each event is rated alone, and {whole} cannot be spread evenly over {events} events"
        )
    return found
