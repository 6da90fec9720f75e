"""L8: usage kept up part by part, in any order, with events taken out again, is the usage counted at once."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.stored_events import Row, breakdown, manifest_of, retractions, rows, usage_request
from tests.faults.harness.effort import times
from tieout.aggregate.accumulation import (
    FOLDINGS,
    Accumulation,
    accumulated,
    put_in,
    snapshot_of,
    take_out,
)
from tieout.aggregate.breakdown import NO_BREAKDOWN
from tieout.aggregate.folding import Folding
from tieout.aggregate.measure import measure
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.window import UsageRequest
from tieout.engines.duckdb_accumulations import accumulate_each
from tieout.kernel.ids import MeterKey, Position, SubscriptionId, Watermark

LAST_BATCH = Watermark(99)


def fineness(data: st.DataObject, request: UsageRequest) -> UsageRequest:
    additive = request.meter.aggregation.additive
    return replace(request, breakdown=data.draw(breakdown()) if additive else NO_BREAKDOWN)


@settings(max_examples=times(quick=70, long=150), phases=(Phase.explicit, Phase.generate))
@given(stored=rows(), requests=st.lists(usage_request(), min_size=1, max_size=4), data=st.data())
def test_an_accumulation_gives_the_snapshot_in_the_engine_as_in_the_definition(
    stored: list[Row], requests: list[UsageRequest], data: st.DataObject
) -> None:
    requests = [
        replace(
            fineness(data, each),
            subscription=SubscriptionId(f"s{n}"),
            meter=replace(each.meter, key=MeterKey(f"m{n}")),
        )
        for n, each in enumerate(requests)
    ]
    head = max((each.event.position.batch for each in stored), default=0)
    watermark = Watermark(data.draw(st.integers(0, head)))
    taken_back = data.draw(retractions(stored))
    events = [each.event for each in stored]
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(
            Path(folder),
            stored,
            sealed_batches=data.draw(st.integers(0, head)),
            watermark=watermark,
            retractions=taken_back,
        )
        found = accumulate_each(requests, manifest, threads=2)
    assert found == [accumulated(each, events, watermark, taken_back) for each in requests]
    assert [snapshot_of(each, one, watermark) for each, one in zip(requests, found, strict=True)] == [
        measure(each, events, watermark, taken_back) for each in requests
    ]


@settings(max_examples=times(quick=150, long=300))
@given(stored=rows(), request=usage_request(), data=st.data())
def test_parts_put_in_and_taken_out_come_to_the_same(
    stored: list[Row], request: UsageRequest, data: st.DataObject
) -> None:
    """Parts of any size in any order; then some are retracted, one part at a time."""
    request = fineness(data, request)
    if FOLDINGS[request.meter.aggregation] is Folding.NEVER:
        return
    events = [each.event for each in data.draw(st.permutations(stored))]
    kept = Accumulation()
    cut = data.draw(st.integers(0, len(events)))
    for part in (events[:cut], events[cut:]):
        put_in(kept, accumulated(request, part, LAST_BATCH), request.meter.aggregation)
    assert kept == accumulated(request, events, LAST_BATCH)
    gone = data.draw(st.lists(st.sampled_from(events), unique_by=id)) if events else []
    retracted: list[Retraction] = []
    for event in gone:
        retracted.append(Retraction(Position(50, 0), event.source, event.id))
        whole = accumulated(request, events, LAST_BATCH, retracted)
        if take_out(kept, accumulated(request, [event], LAST_BATCH), request.meter.aggregation):
            assert kept == whole
        else:
            assert FOLDINGS[request.meter.aggregation] is Folding.IN
            kept = whole
