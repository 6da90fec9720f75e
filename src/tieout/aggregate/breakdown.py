"""How finely a snapshot must know its events for a price to rate them, and the groups that come of it.

Only counts and sums are broken down: their groups add up to the whole, so one snapshot with the union of what
several prices need serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tieout.kernel import limits
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity, Unmeasurable


class TooManyGroups(Unmeasurable):
    """One window falls into more than `GROUPS_PER_SNAPSHOT_MAX` groups."""

    code = "too-many-groups"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        bound = f"{limits.GROUPS_PER_SNAPSHOT_MAX:,} groups"
        return (
            f"The usage of {self.what} falls into more than {bound}; nothing was rated. "
            "Let the price rate totals, or dimensions with fewer values."
        )


@dataclass(frozen=True, slots=True)
class Breakdown:
    """`dimensions`: fields of the event, sorted. `by_value`: events of equal metered value (and equal amount,
    if one is asked for) apart. `amount_field`: a numeric field that is added up beside the metered one; an
    event without it counts as excluded, `no value`.
    """

    dimensions: tuple[str, ...] = ()
    by_value: bool = False
    amount_field: str | None = None

    def __post_init__(self) -> None:
        assert list(self.dimensions) == sorted(set(self.dimensions)), self.dimensions

    def __bool__(self) -> bool:
        return bool(self.dimensions) or self.by_value or self.amount_field is not None

    def __or__(self, other: Breakdown) -> Breakdown:
        """What serves both. The catalog's check sees to it that prices of a meter name one amount field."""
        fields = {self.amount_field, other.amount_field} - {None}
        assert len(fields) <= 1, f"two amount fields on one meter: {sorted(map(str, fields))}"
        return Breakdown(
            tuple(sorted({*self.dimensions, *other.dimensions})),
            self.by_value or other.by_value,
            next(iter(fields), None),
        )


NO_BREAKDOWN = Breakdown()


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """Events of one window that share the texts of the dimensions (None: the event lacks the field), and with
    `by_value` also the metered value of each (1 for a count) and the amount of each.

    `quantity` and `amount` are of all of them together; `value` and `each_amount` of one of them.
    """

    values: tuple[str | None, ...]
    quantity: Quantity
    event_count: int
    value: Quantity | None = None
    amount: Quantity | None = None
    each_amount: Quantity | None = None

    def __post_init__(self) -> None:
        assert self.event_count > 0, "a group without events is no group"

    @property
    def order(self) -> tuple[object, ...]:
        """Groups stand in this order, in every engine: absent before any text, then by value and amount."""
        texts = tuple((text is not None, text or "") for text in self.values)
        return (texts, self.value or QUANTITY_ZERO, self.each_amount or QUANTITY_ZERO)


def regrouped(groups: Iterable[UsageGroup], have: Breakdown, want: Breakdown) -> tuple[UsageGroup, ...]:
    """The groups of `want`, which is not finer than `have`, in order."""
    places = [have.dimensions.index(name) for name in want.dimensions]
    return _merged(
        groups,
        lambda group: UsageGroup(
            tuple(group.values[place] for place in places),
            group.quantity,
            group.event_count,
            group.value if want.by_value else None,
            group.amount if want.amount_field is not None else None,
            group.each_amount if want.by_value and want.amount_field is not None else None,
        ),
    )


def _merged(
    groups: Iterable[UsageGroup], narrowed: Callable[[UsageGroup], UsageGroup]
) -> tuple[UsageGroup, ...]:
    merged: dict[tuple[object, ...], UsageGroup] = {}
    for group in map(narrowed, groups):
        before = merged.get(group.order)
        merged[group.order] = group if before is None else together(before, group)
    return tuple(merged[order] for order in sorted(merged, key=lambda order: order))


def together(first: UsageGroup, second: UsageGroup) -> UsageGroup:
    """Two parts of one group as one."""
    amount = None
    if first.amount is not None and second.amount is not None:
        amount = first.amount + second.amount
    return UsageGroup(
        first.values,
        first.quantity + second.quantity,
        first.event_count + second.event_count,
        first.value,
        amount,
        first.each_amount,
    )
