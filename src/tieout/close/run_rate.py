"""What usage comes to at the end of its part of a period, if it goes on as it did so far (run rate).

Usage that adds up (counts, sums) is multiplied by the length of the part over what of it has elapsed, in
whole seconds; what is by then more than 12 places is rounded once, half away from zero. Events are shared out
by largest remainder, so that each group keeps its part of them. Everything else stays as it is now: a maximum
or a distinct count has no rate, and levels are taken to hold to the end anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tieout.aggregate.breakdown import UsageGroup
from tieout.aggregate.snapshot import Snapshot
from tieout.contract.meter import Aggregation
from tieout.kernel.digest import Fingerprint
from tieout.kernel.instant import Instant
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, quantize
from tieout.rate.share import elapsed_seconds

METHOD = (
    "counts and sums: usage so far x length of its part of the period / elapsed, in whole seconds; other "
    "aggregations and fees as they are now"
)


def growth_to_end(part: Period, *, now: Instant) -> Exact | None:
    """By how much usage so far is multiplied; None where nothing has elapsed, or nothing is left."""
    if not part.start < now < part.end:
        return None
    elapsed = elapsed_seconds(Period(part.start, now))
    return Exact(elapsed_seconds(part), elapsed) if elapsed else None


def at_its_end(snapshot: Snapshot, aggregation: Aggregation, *, now: Instant) -> Snapshot:
    """The usage of a snapshot's part at its end. No events stand behind it: it may be rated, never billed."""
    factor = growth_to_end(snapshot.period, now=now)
    if factor is None or not aggregation.additive or not snapshot.event_count:
        return snapshot
    counts = shared_out(round_half_up(snapshot.event_count * factor), snapshot.groups, snapshot.event_count)
    groups = tuple(
        _grown(group, count, factor) for group, count in zip(snapshot.groups, counts, strict=True) if count
    )
    if groups:
        quantity = sum((group.quantity for group in groups), QUANTITY_ZERO)
    else:
        quantity = _times(snapshot.quantity, factor)
    events = sum(counts) if groups else round_half_up(snapshot.event_count * factor)
    return replace(
        snapshot,
        quantity=quantity,
        event_count=events,
        fingerprint=Fingerprint(events, 0, 0),
        groups=groups,
    )


def shared_out(total: int, groups: Sequence[UsageGroup], of: int) -> list[int]:
    """The events of each group when all of them have `total` instead of `of`; ties go to the earlier."""
    if not groups:
        return []
    floors = [total * group.event_count // of for group in groups]
    left = total - sum(floors)
    by_rest = sorted(range(len(groups)), key=lambda place: (-(total * groups[place].event_count % of), place))
    for place in by_rest[:left]:
        floors[place] += 1
    return floors


def round_half_up(number: Exact) -> int:
    """Of a number that is not negative."""
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def _grown(group: UsageGroup, count: int, factor: Exact) -> UsageGroup:
    """Where events are rated one by one, there are more of the same; else there is more of all."""
    if group.value is not None:
        each = group.each_amount
        return replace(
            group,
            event_count=count,
            quantity=Quantity(group.value.atoms * count),
            amount=None if each is None else Quantity(each.atoms * count),
        )
    amount = None if group.amount is None else _times(group.amount, factor)
    return replace(group, event_count=count, quantity=_times(group.quantity, factor), amount=amount)


def _times(quantity: Quantity, factor: Exact) -> Quantity:
    return quantize(quantity.as_fraction() * factor, FRACTION_DIGITS_MAX, Rounding.HALF_AWAY_FROM_ZERO)
