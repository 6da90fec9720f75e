"""What a snapshot is made of, kept so that events can be added to it and, where the aggregation allows, taken
out again. `snapshot_of(request, accumulated(...))` is `measure(...)`, whatever order the parts came in (L8).

Numbers are atoms and plain integers. An accumulation is one request's; the events in it are those that the
request counts, and each is in it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tieout.aggregate import average, count, last, time_weighted, unique
from tieout.aggregate import max as max_
from tieout.aggregate import min as min_
from tieout.aggregate import sum as sum_
from tieout.aggregate.breakdown import Breakdown, TooManyGroups, UsageGroup, together
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.folding import Folding
from tieout.aggregate.grouping import grouped
from tieout.aggregate.measure import fingerprint_of, in_window
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.select import Selected
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.time_weighted import Opening
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation
from tieout.kernel import limits
from tieout.kernel.digest import LANE_MODULUS, Fingerprint
from tieout.kernel.ids import Watermark
from tieout.kernel.quantity import Quantity, QuantityOverflow

FOLDINGS: Final[Mapping[Aggregation, Folding]] = {
    Aggregation.COUNT: count.FOLDING,
    Aggregation.SUM: sum_.FOLDING,
    Aggregation.LAST: last.FOLDING,
    Aggregation.MAX: max_.FOLDING,
    Aggregation.MIN: min_.FOLDING,
    Aggregation.UNIQUE: unique.FOLDING,
    Aggregation.AVERAGE: average.FOLDING,
    Aggregation.TIME_WEIGHTED: time_weighted.FOLDING,
}
GroupKey = tuple[object, ...]
Latest = tuple[int, int, int]
"""Time, batch and row of an event: what Last orders by."""


@dataclass(slots=True)
class Accumulation:
    """Counts and lanes are every request's; the rest is there for the aggregations that need it.

    `total` and `magnitude`: the sum of the values and of their absolute values. `standing`: the greatest,
    least or last value, and for Last its `latest`. `texts`: how many events have each text. `groups` by their
    order, and `amount_magnitude` of their amounts. `parts`, `parts_magnitude` and `opening`: atoms times
    microseconds of a time-weighted meter.
    """

    event_count: int = 0
    excluded_count: int = 0
    retracted_count: int = 0
    lane_a: int = 0
    lane_b: int = 0
    total: int = 0
    magnitude: int = 0
    amount_magnitude: int = 0
    standing: int | None = None
    latest: Latest | None = None
    parts: int = 0
    parts_magnitude: int = 0
    opening: tuple[Opening, ...] = ()
    texts: dict[str, int] = field(default_factory=dict)
    groups: dict[GroupKey, UsageGroup] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.event_count or self.excluded_count or self.retracted_count)


def accumulated(
    request: UsageRequest,
    events: Iterable[MeterEvent],
    watermark: Watermark,
    retractions: Iterable[Retraction] = (),
) -> Accumulation:
    """Of any superset of the request's events, as of `watermark`; what engines must equal."""
    found = in_window(request, events, watermark, retractions)
    one = of_selected(request, found.selected)
    one.excluded_count, one.retracted_count = found.excluded_count, found.retracted_count
    if request.meter.aggregation is Aggregation.TIME_WEIGHTED:
        levels = time_weighted.held([*found.before, *found.selected], request.spans)
        one.parts, one.parts_magnitude, one.opening = levels
    return one


def of_selected(request: UsageRequest, selected: Sequence[Selected]) -> Accumulation:
    """Of events that count. For a time-weighted meter, without what their levels come to."""
    fingerprint = fingerprint_of(selected)
    one = Accumulation(event_count=len(selected), lane_a=fingerprint.a, lane_b=fingerprint.b)
    values = [each.value.atoms for each in selected if each.value is not None]
    match request.meter.aggregation:
        case Aggregation.SUM | Aggregation.AVERAGE:
            one.total, one.magnitude = sum(values), sum(map(abs, values))
        case Aggregation.MAX:
            one.standing = max(values, default=None)
        case Aggregation.MIN:
            one.standing = min(values, default=None)
        case Aggregation.LAST if selected:
            latest = max(selected, key=_order)
            assert latest.value is not None, "select gives a last its values"
            one.latest, one.standing = _order(latest), latest.value.atoms
        case Aggregation.UNIQUE:
            for each in selected:
                assert each.text is not None, "select gives unique its texts"
                one.texts[each.text] = one.texts.get(each.text, 0) + 1
        case _:
            pass
    _group(one, selected, request.breakdown)
    return one


def put_in(into: Accumulation, more: Accumulation, aggregation: Aggregation) -> None:
    """Adds the events of `more`, none of which is in `into`. Not for an aggregation that never folds."""
    assert FOLDINGS[aggregation] is not Folding.NEVER, "its events are counted again"
    _add(into, more, 1)
    into.excluded_count += more.excluded_count
    into.retracted_count += more.retracted_count
    if more.standing is not None and (into.standing is None or _stands(more, into, aggregation)):
        into.standing, into.latest = more.standing, more.latest
    for text, times in more.texts.items():
        into.texts[text] = into.texts.get(text, 0) + times
    for key, group in more.groups.items():
        before = into.groups.get(key)
        into.groups[key] = group if before is None else together(before, group)


def take_out(from_: Accumulation, gone: Accumulation, aggregation: Aggregation) -> bool:
    """Takes out events that were in it and are retracted now; `gone` is of them as if they counted. False
    where the value stood on one of them: then the window must be counted again.
    """
    assert FOLDINGS[aggregation] is not Folding.NEVER, "its events are counted again"
    _add(from_, gone, -1)
    from_.excluded_count -= gone.excluded_count
    from_.retracted_count += gone.event_count
    for text, times in gone.texts.items():
        from_.texts[text] -= times
        if not from_.texts[text]:
            del from_.texts[text]
    for key, group in gone.groups.items():
        left = _without(from_.groups[key], group)
        if left is None:
            del from_.groups[key]
        else:
            from_.groups[key] = left
    if gone.standing is None:
        return True
    if not from_.event_count:
        from_.standing = from_.latest = None
        return True
    return not (_stands(gone, from_, aggregation) or _is_same(gone, from_))


def snapshot_of(request: UsageRequest, one: Accumulation, watermark: Watermark) -> Snapshot:
    """Raises `QuantityOverflow` or `TooManyGroups`, where `measure` would."""
    if _overflows(one):
        raise QuantityOverflow(request.name)
    if len(one.groups) > limits.GROUPS_PER_SNAPSHOT_MAX:
        raise TooManyGroups(request.name)
    meter = request.meter
    return Snapshot(
        meter=meter.key,
        meter_version=meter.version,
        meter_digest=meter.digest,
        unit=meter.unit,
        subscription=request.subscription,
        customer=request.customer,
        period=request.period,
        watermark=watermark,
        quantity=_quantity(one, meter.aggregation),
        event_count=one.event_count,
        fingerprint=Fingerprint(one.event_count, one.lane_a, one.lane_b),
        excluded_count=one.excluded_count,
        retracted_count=one.retracted_count,
        breakdown=request.breakdown,
        groups=tuple(one.groups[key] for key in sorted(one.groups)),
        opening=one.opening,
        conversion=meter.conversion,
    )


def states(request: UsageRequest, event: MeterEvent) -> bool:
    """Whether an event of a time-weighted meter's type may change what its window comes to."""
    return any(span.subject == event.subject and event.time < span.end for span in request.spans)


def contains(spans: Iterable[ClippedSpan], event: MeterEvent) -> bool:
    return any(span.subject == event.subject and span.contains(event.time) for span in spans)


def _quantity(one: Accumulation, aggregation: Aggregation) -> Quantity:
    match aggregation:
        case Aggregation.COUNT:
            return Quantity.of(one.event_count)
        case Aggregation.SUM:
            return Quantity(one.total)
        case Aggregation.AVERAGE:
            return average.average_of(Quantity(one.total), one.event_count)
        case Aggregation.UNIQUE:
            return Quantity.of(len(one.texts))
        case Aggregation.TIME_WEIGHTED:
            return time_weighted.unit_hours(one.parts)
        case _:
            return Quantity(one.standing or 0)


def _overflows(one: Accumulation) -> bool:
    return (
        sum_.overflows(Quantity(one.magnitude))
        or sum_.overflows(Quantity(one.amount_magnitude))
        or time_weighted.level_hours_overflow(one.parts_magnitude)
    )


def _add(into: Accumulation, other: Accumulation, sign: int) -> None:
    into.event_count += sign * other.event_count
    into.lane_a = (into.lane_a + sign * other.lane_a) % LANE_MODULUS
    into.lane_b = (into.lane_b + sign * other.lane_b) % LANE_MODULUS
    into.total += sign * other.total
    into.magnitude += sign * other.magnitude
    into.amount_magnitude += sign * other.amount_magnitude


def _stands(one: Accumulation, other: Accumulation, aggregation: Aggregation) -> bool:
    """Whether the value of `one` is the one that holds of the two."""
    assert one.standing is not None and other.standing is not None, "both have events"
    if aggregation is Aggregation.LAST:
        assert one.latest is not None and other.latest is not None, "a last has its place"
        return one.latest > other.latest
    return one.standing > other.standing if aggregation is Aggregation.MAX else one.standing < other.standing


def _is_same(one: Accumulation, other: Accumulation) -> bool:
    return (one.standing, one.latest) == (other.standing, other.latest)


def _order(selected: Selected) -> Latest:
    event = selected.event
    return event.time, event.position.batch, event.position.row


def _group(one: Accumulation, selected: Sequence[Selected], breakdown: Breakdown) -> None:
    if not breakdown:
        return
    amounts = (each.amount.atoms for each in selected if each.amount is not None)
    one.amount_magnitude = sum(map(abs, amounts))
    one.groups = {group.order: group for group in grouped(selected, breakdown)}


def _without(whole: UsageGroup, gone: UsageGroup) -> UsageGroup | None:
    if whole.event_count == gone.event_count:
        return None
    amount = None
    if whole.amount is not None and gone.amount is not None:
        amount = whole.amount - gone.amount
    return UsageGroup(
        whole.values,
        whole.quantity - gone.quantity,
        whole.event_count - gone.event_count,
        whole.value,
        amount,
        whole.each_amount,
    )
