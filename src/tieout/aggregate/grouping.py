"""Groups: the events of a window that a price rates together, with what they come to.

Only count and sum have them. An absent dimension is a group of its own, never the empty text. A count
meters 1 for each event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieout.aggregate.breakdown import Breakdown, TooManyGroups, UsageGroup
from tieout.aggregate.select import Selected
from tieout.aggregate.sum import overflows
from tieout.kernel import limits
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity, QuantityOverflow

ONE = Quantity.of(1)


def groups_of(selected: Sequence[Selected], breakdown: Breakdown, what: str) -> tuple[UsageGroup, ...]:
    """The groups in their order; none where `breakdown` asks for none. Raises `TooManyGroups`, and
    `QuantityOverflow` where the amounts add up, signs aside, to what a sum may not reach; both name `what`.
    """
    if not breakdown:
        return ()
    if overflows(sum((abs(_amount(each)) for each in selected), QUANTITY_ZERO)):
        raise QuantityOverflow(what)
    groups = grouped(selected, breakdown)
    if len(groups) > limits.GROUPS_PER_SNAPSHOT_MAX:
        raise TooManyGroups(what)
    return tuple(sorted(groups, key=lambda group: group.order))


def grouped(selected: Iterable[Selected], breakdown: Breakdown) -> list[UsageGroup]:
    """The groups in no order, however many they are and whatever their amounts add up to."""
    together: dict[tuple[object, ...], list[Selected]] = {}
    for each in selected:
        together.setdefault(_key(each, breakdown), []).append(each)
    return [_group(each, breakdown) for each in together.values()]


def _key(each: Selected, breakdown: Breakdown) -> tuple[object, ...]:
    texts = tuple(each.event.fields.get(name) for name in breakdown.dimensions)
    return (texts, each.value, each.amount) if breakdown.by_value else (texts,)


def _group(events: Sequence[Selected], breakdown: Breakdown) -> UsageGroup:
    first = events[0]
    amounts = None if breakdown.amount_field is None else _total(map(_amount, events))
    return UsageGroup(
        values=tuple(first.event.fields.get(name) for name in breakdown.dimensions),
        quantity=_total(map(_value, events)),
        event_count=len(events),
        value=_value(first) if breakdown.by_value else None,
        amount=amounts,
        each_amount=first.amount if breakdown.by_value else None,
    )


def _total(quantities: Iterable[Quantity]) -> Quantity:
    return sum(quantities, QUANTITY_ZERO)


def _value(each: Selected) -> Quantity:
    return ONE if each.value is None else each.value


def _amount(each: Selected) -> Quantity:
    return QUANTITY_ZERO if each.amount is None else each.amount
