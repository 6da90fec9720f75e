"""The definition of a snapshot, in plain Python. Engines are fast; this is what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tieout.aggregate import count, last
from tieout.aggregate import sum as sum_
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.retraction import Retraction, is_retracted, retracted_as_of
from tieout.aggregate.select import Excluded, Selected, select
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import Subject, Watermark
from tieout.kernel.quantity import Quantity, QuantityOverflow

MEANINGS: Mapping[Aggregation, Callable[[Iterable[Selected]], Quantity]] = {
    Aggregation.COUNT: count.meaning,
    Aggregation.SUM: sum_.meaning,
    Aggregation.LAST: last.meaning,
}


@dataclass(frozen=True, slots=True)
class InWindow:
    """The events that count, in the order given; how many the meter excluded, and how many would have counted
    but for their retraction.
    """

    selected: list[Selected]
    excluded_count: int
    retracted_count: int


def measure(
    request: UsageRequest,
    events: Iterable[MeterEvent],
    watermark: Watermark,
    retractions: Iterable[Retraction] = (),
) -> Snapshot:
    """Usage of one request over any superset of its events and of the retractions that name one of them, in
    any order, as of the end of batch `watermark`.

    Each event must appear once: the log guarantees it. Raises `QuantityOverflow`.
    """
    found = in_window(request, events, watermark, retractions)
    selected = found.selected
    try:
        quantity = quantity_of(request.meter, selected)
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
    selected: list[Selected] = []
    excluded_count = retracted_count = 0
    for event in events:
        if event.position.batch > watermark:
            continue
        if not any(span.contains(event.time) for span in spans.get(event.subject, ())):
            continue
        selection = select(request.meter, event)
        if is_retracted(event, retracted):
            retracted_count += isinstance(selection, Selected)
        elif isinstance(selection, Selected):
            selected.append(selection)
        elif isinstance(selection, Excluded):
            excluded_count += 1
    return InWindow(selected, excluded_count, retracted_count)


def quantity_of(meter: Meter, selected: Iterable[Selected]) -> Quantity:
    """The meter's aggregation of the selected events. Raises `QuantityOverflow`."""
    return MEANINGS[meter.aggregation](selected)


def fingerprint_of(selected: Iterable[Selected]) -> Fingerprint:
    """Count and two lane sums modulo 2^64; the order does not matter."""
    count_, lane_a, lane_b = 0, 0, 0
    for each in selected:
        count_ += 1
        lane_a += each.event.lane_a
        lane_b += each.event.lane_b
    return Fingerprint(count_, lane_a % 2**64, lane_b % 2**64)
