"""Usage on no invoice, whose it is: DuckDB over segments and tail agrees with a walk over plain events."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.naive import all_hold
from tests.agreement.stored_events import (
    EDGE,
    END,
    SUBJECTS,
    TYPE,
    Row,
    manifest_of,
    retractions,
    row,
    usage_request,
)
from tieout.aggregate.bucket import BucketRequest
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.engines.duckdb_buckets import bucket_counts, unbilled_usage
from tieout.kernel.ids import Subject
from tieout.kernel.instant import Instant

Owner = tuple[Subject, Instant] | None


@st.composite
def many_rows(draw: st.DrawFn) -> list[Row]:
    return [draw(row(place)) for place in range(16)]


@st.composite
def owned_spans(draw: st.DrawFn) -> list[ClippedSpan]:
    """A subject goes from one customer straight to the next, or leaves a gap."""
    found = []
    for subject in SUBJECTS:
        cuts = sorted(
            draw(st.lists(st.sampled_from(range(0, END + 1, EDGE)), unique=True, min_size=3, max_size=5))
        )
        found += [
            ClippedSpan(subject, Instant(opens), Instant(closes))
            for opens, closes in pairwise(cuts)
            if draw(st.sampled_from([True, True, False]))
        ]
    return found


@settings(max_examples=60, phases=(Phase.explicit, Phase.generate))
@given(stored=many_rows(), request=usage_request(), owned=owned_spans(), data=st.data())
def test_unbilled_usage_is_what_a_walk_over_the_events_finds(
    stored: list[Row], request: UsageRequest, owned: list[ClippedSpan], data: st.DataObject
) -> None:
    if data.draw(st.booleans()):  # most conditions leave most events out: half of the time there is none
        plain = replace(request.meter, filter=(), exclusions=(), event=TYPE)
        request = replace(request, meter=plain)
    watermark = data.draw(st.sampled_from([4, 4, 3, 2, 0]))
    sealed_batches = data.draw(st.integers(0, watermark))
    taken_back = data.draw(retractions(stored))
    amount = request.breakdown.amount_field
    asked = BucketRequest(
        request.meter,
        request.period,
        owned,
        () if amount else request.spans,
        request.spans if amount else (),
        amount,
    )
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(
            Path(folder), stored, sealed_batches=sealed_batches, watermark=watermark, retractions=taken_back
        )
        (found,) = unbilled_usage([asked], manifest)
        (buckets,) = bucket_counts([asked], manifest)
    events = [each.event for each in stored if each.event.position.batch <= watermark]
    expected = walked(asked, events, gone_by(taken_back, watermark))
    assert {each.owner: (each.count, each.subject) for each in found} == expected
    assert len(found) == len(expected)
    by_owner = {each.owner is None: 0 for each in found} | {True: 0, False: 0}
    for each in found:
        by_owner[each.owner is None] += each.count
    assert (by_owner[True], by_owner[False]) == (buckets.unmatched, buckets.unpriced)


def gone_by(taken_back: Sequence[Retraction], watermark: int) -> set[tuple[str, str]]:
    return {(each.source, each.target_id) for each in taken_back if each.position.batch <= watermark}


def walked(
    asked: BucketRequest, events: Sequence[MeterEvent], gone: set[tuple[str, str]]
) -> dict[Owner, tuple[int, str]]:
    """Event by event: it stands, the meter would count it, and nobody's price covers it."""
    found: dict[Owner, tuple[int, str]] = {}
    covered = [*asked.priced, *asked.priced_by_amount]
    for event in events:
        if event.type != asked.meter.event or not asked.period.start <= event.time < asked.period.end:
            continue
        if (event.source, event.id) in gone or not counts(asked, event) or inside(covered, event):
            continue
        spans = inside(asked.owned, event)
        owner = (spans[0].subject, spans[0].start) if spans else None
        count, first = found.get(owner, (0, event.subject))
        found[owner] = count + 1, min(first, event.subject)
    return found


def counts(asked: BucketRequest, event: MeterEvent) -> bool:
    meter = asked.meter
    if not all_hold(meter.filter, event) or any(all_hold(each.where, event) for each in meter.exclusions):
        return False
    return meter.field is None or meter.field in event.fields


def inside(spans: Sequence[ClippedSpan], event: MeterEvent) -> list[ClippedSpan]:
    return [each for each in spans if each.subject == event.subject and each.start <= event.time < each.end]
