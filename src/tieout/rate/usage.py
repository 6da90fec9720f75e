"""What a price rates: the usage of one charge, whole or by groups, taken from its snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tieout.aggregate.breakdown import UsageGroup, regrouped
from tieout.aggregate.snapshot import Snapshot
from tieout.contract.conversion import priced_unit
from tieout.contract.price import Price
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.working import Step
from tieout.rate.charge import GroupName
from tieout.rate.conversion import conversion_step, converted, converted_group
from tieout.rate.needs import breakdown_of

ALL_USAGE: GroupName = ()
"""The group of a charge that rates everything its snapshot holds."""


class UnfitBreakdown(IntegrityViolation):
    """A snapshot is not broken down as its price needs it, or its parts are not its whole."""

    code = "unfit-breakdown"

    def __init__(self, price: Price, snapshot: Snapshot, why: str) -> None:
        super().__init__(price, snapshot, why)
        self.price = price
        self.snapshot = snapshot
        self.why = why

    def __str__(self) -> str:
        usage = f"usage of {self.snapshot.meter} over {self.snapshot.period}"
        return f"Price {self.price.key} version {self.price.version} cannot rate {usage}: {self.why}."


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage that is rated together. `amount` is the sum of what its events state in the amount field of a
    dynamic price, and None for other prices. `groups` are as fine as the price needs, and none where it needs
    the total alone. `conversion` says how metered usage became this one, where it was converted."""

    quantity: Quantity
    event_count: int
    unit: str
    amount: Quantity | None = None
    groups: tuple[UsageGroup, ...] = ()
    conversion: Step | None = None


def usage_of(snapshot: Snapshot, price: Price, group: GroupName) -> Usage:
    """The usage of `group`, or all of it, in the unit that prices are for. Raises `UnfitBreakdown`."""
    want = breakdown_of(price)
    unit = billed_unit(snapshot)
    if not want:
        billed = converted(snapshot.quantity, snapshot.conversion)
        step = _step(snapshot, measured=snapshot.quantity, billed=billed, parts=None)
        return Usage(billed, snapshot.event_count, unit, conversion=step)
    groups = _groups(snapshot, price)
    if group:
        places = [(want.dimensions.index(name), value) for name, value in group]
        groups = tuple(each for each in groups if all(each.values[place] == value for place, value in places))
    measured = sum((each.quantity for each in groups), QUANTITY_ZERO)
    groups = tuple(converted_group(each, snapshot.conversion) for each in groups)
    usage = together(groups, unit, with_amount=want.amount_field is not None)
    step = _step(snapshot, measured=measured, billed=usage.quantity, parts=len(groups))
    return replace(usage, conversion=step)


def billed_unit(snapshot: Snapshot) -> str:
    """The unit that prices are for."""
    return priced_unit(snapshot.unit, snapshot.conversion)


def together(groups: Sequence[UsageGroup], unit: str, *, with_amount: bool) -> Usage:
    """The usage of several groups as one."""
    quantity = sum((each.quantity for each in groups), QUANTITY_ZERO)
    amounts = [each.amount for each in groups if each.amount is not None]
    return Usage(
        quantity,
        sum(each.event_count for each in groups),
        unit,
        sum(amounts, QUANTITY_ZERO) if with_amount else None,
        tuple(groups),
    )


def group_names(snapshot: Snapshot, price: Price) -> tuple[GroupName, ...]:
    """A name for each charge of a metered price, in order; one for all the usage where the price does not
    group, and where there is no usage. Raises `UnfitBreakdown`."""
    if not price.group_by or snapshot.event_count == 0:
        return (ALL_USAGE,)
    want = breakdown_of(price)
    places = [want.dimensions.index(name) for name in price.group_by]
    found = dict.fromkeys(tuple(each.values[place] for place in places) for each in _groups(snapshot, price))
    ordered = sorted(found, key=lambda values: [(value is not None, value or "") for value in values])
    return tuple(tuple(zip(price.group_by, values, strict=True)) for values in ordered)


def _groups(snapshot: Snapshot, price: Price) -> tuple[UsageGroup, ...]:
    """Never fewer units than the snapshot's: a lost group would be usage that nobody bills."""
    want, have = breakdown_of(price), snapshot.breakdown
    if have | want != have:
        raise UnfitBreakdown(price, snapshot, f"it needs {want}, but the usage is broken down by {have}")
    groups = regrouped(snapshot.groups, have, want)
    quantity = sum((each.quantity for each in groups), QUANTITY_ZERO)
    events = sum(each.event_count for each in groups)
    if (quantity, events) != (snapshot.quantity, snapshot.event_count):
        why = f"its groups hold {quantity} in {events} events, all of it {snapshot.quantity} in "
        raise UnfitBreakdown(price, snapshot, f"{why}{snapshot.event_count}")
    if want.amount_field is not None and any(each.amount is None for each in groups):
        raise UnfitBreakdown(price, snapshot, f"a group has no sum of {want.amount_field}")
    return groups


def _step(snapshot: Snapshot, *, measured: Quantity, billed: Quantity, parts: int | None) -> Step | None:
    if snapshot.conversion is None:
        return None
    return conversion_step(
        snapshot.conversion, measured=measured, unit=snapshot.unit, billed=billed, parts=parts
    )
