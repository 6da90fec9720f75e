"""The definition of a snapshot, in plain Python. Engines are fast; this is what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.aggregate import average, count, last, time_weighted, unique
from tieout.aggregate import max as max_
from tieout.aggregate import min as min_
from tieout.aggregate import sum as sum_
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.grouping import groups_of
from tieout.aggregate.retraction import Retraction, is_retracted, retracted_as_of
from tieout.aggregate.select import Excluded, Selected, select
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.time_weighted import Opening
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import Subject, Watermark
from tieout.kernel.quantity import Quantity, QuantityOverflow

MEANINGS: Mapping[Aggregation, Callable[[Sequence[Selected]], Quantity]] = {
    Aggregation.COUNT: count.meaning,
    Aggregation.SUM: sum_.meaning,
    Aggregation.LAST: last.meaning,
    Aggregation.MAX: max_.meaning,
    Aggregation.MIN: min_.meaning,
    Aggregation.UNIQUE: unique.meaning,
    Aggregation.AVERAGE: average.meaning,
}
"""Of the events inside the window; time-weighted needs those before it and the spans as well."""


@dataclass(frozen=True, slots=True)
class InWindow:
    """The events that count, in the order given; how many the meter excluded, and how many would have counted
    but for their retraction. `before`: those that count in no span, but may state the level at the start of
    one; only for a time-weighted meter.
    """

    selected: list[Selected]
    before: list[Selected]
    excluded_count: int
    retracted_count: int


def measure(
    request: UsageRequest,
    events: Iterable[MeterEvent],
    watermark: Watermark,
    retractions: Iterable[Retraction] = (),
) -> Snapshot:
    """Usage of one request over any superset of its events and of the retractions that name one of them, in
    any order, as of the end of batch `watermark`. For a time-weighted meter the events of its subjects before
    its spans belong to it.

    Each event must appear once: the log guarantees it. Raises `QuantityOverflow` or `TooManyGroups`.
    """
    found = in_window(request, events, watermark, retractions)
    selected = found.selected
    try:
        quantity, opening = _quantity(request, found)
    except QuantityOverflow:
        raise QuantityOverflow(request.name) from None
    return Snapshot(
        meter=request.meter.key,
        meter_version=request.meter.version,
        meter_digest=request.meter.digest,
        unit=request.meter.unit,
        subscription=request.subscription,
        customer=request.customer,
        period=request.period,
        watermark=watermark,
        quantity=quantity,
        event_count=len(selected),
        fingerprint=fingerprint_of(selected),
        excluded_count=found.excluded_count,
        retracted_count=found.retracted_count,
        breakdown=request.breakdown,
        groups=groups_of(selected, request.breakdown, request.name),
        opening=opening,
    )


def in_window(
    request: UsageRequest,
    events: Iterable[MeterEvent],
    watermark: Watermark,
    retractions: Iterable[Retraction] = (),
) -> InWindow:
    """What became of the events inside the request's spans."""
    retracted = retracted_as_of(retractions, watermark)
    spans: dict[Subject, list[ClippedSpan]] = {}
    for span in request.spans:
        spans.setdefault(span.subject, []).append(span)
    found = InWindow([], [], 0, 0)
    excluded_count = retracted_count = 0
    for event in events:
        if event.position.batch > watermark or event.subject not in spans:
            continue
        selection = select(request.meter, event, request.breakdown.amount_field)
        if not any(span.contains(event.time) for span in spans[event.subject]):
            states = request.meter.aggregation is Aggregation.TIME_WEIGHTED
            if states and isinstance(selection, Selected) and not is_retracted(event, retracted):
                found.before.append(selection)
        elif is_retracted(event, retracted):
            retracted_count += isinstance(selection, Selected)
        elif isinstance(selection, Selected):
            found.selected.append(selection)
        elif isinstance(selection, Excluded):
            excluded_count += 1
    return replace(found, excluded_count=excluded_count, retracted_count=retracted_count)


def _quantity(request: UsageRequest, found: InWindow) -> tuple[Quantity, tuple[Opening, ...]]:
    """The meter's aggregation, and the opening state it starts from. Raises `QuantityOverflow`."""
    if request.meter.aggregation is Aggregation.TIME_WEIGHTED:
        return time_weighted.meaning([*found.before, *found.selected], request.spans)
    return MEANINGS[request.meter.aggregation](found.selected), ()


def fingerprint_of(selected: Iterable[Selected]) -> Fingerprint:
    """Count and two lane sums modulo 2^64; the order does not matter."""
    count_, lane_a, lane_b = 0, 0, 0
    for each in selected:
        count_ += 1
        lane_a += each.event.lane_a
        lane_b += each.event.lane_b
    return Fingerprint(count_, lane_a % 2**64, lane_b % 2**64)
