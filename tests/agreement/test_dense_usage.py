"""L8 where it is crowded: few subjects, instants and values, so that ties, openings and halves are common."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.naive import naive
from tests.agreement.stored_events import (
    FIELDS,
    SUBJECTS,
    TYPE,
    Row,
    atoms_text,
    breakdown,
    decimal_of,
    manifest_of,
    retractions,
)
from tieout.aggregate.breakdown import NO_BREAKDOWN, UsageGroup
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import measure
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import NON_PRODUCTION, Aggregation, Meter
from tieout.engines.duckdb_engine import DuckEngine
from tieout.engines.recount import recount
from tieout.kernel.ids import CustomerId, MeterKey, Position, SourceName, SubscriptionId, Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.period import Period

TICK = HOUR_MICROSECONDS // 2
TICKS = 6
UNIT = 10**12
ATOMS = st.sampled_from([1, 2, -1, 0, UNIT, -UNIT, 10 * UNIT, UNIT + 1, 3 * UNIT // 2])
TEXTS = st.sampled_from(["production", "production", "staging", "Production"])


@st.composite
def row(draw: st.DrawFn, place: int) -> Row:
    """Of version 1, with whole amounts and no text, or of version 2; the amount is there most of the time."""
    whole = draw(st.booleans())
    atoms = draw(st.sampled_from([UNIT, 2 * UNIT, -UNIT])) if whole else draw(ATOMS)
    columns: dict[str, object] = {}
    fields: dict[str, str] = {}
    if draw(st.integers(0, 9)):
        columns["amount"] = atoms // UNIT if whole else decimal_of(atoms)
        fields["amount"] = atoms_text(atoms)
    if draw(st.booleans()):
        columns["flag"] = truth = draw(st.booleans())
        fields["flag"] = "true" if truth else "false"
    if not whole and draw(st.booleans()):
        columns["environment"] = fields["environment"] = draw(TEXTS)
    event = MeterEvent(
        position=Position(1 + place // 4, place % 4),
        source=SourceName("gateway"),
        id=f"e{place}",
        type=TYPE,
        subject=draw(st.sampled_from(SUBJECTS[:2])),
        time=Instant(draw(st.integers(-2, TICKS)) * TICK),
        lane_a=place,
        lane_b=2**64 - 1 - place,
        fields=fields,
    )
    return Row(1 if whole else 2, event, columns)


@st.composite
def request(draw: st.DrawFn, aggregation: Aggregation) -> UsageRequest:
    meter = Meter(
        key=MeterKey(aggregation.value),
        version=1,
        effective_from=Instant(0),
        definition="",
        owner="",
        event=TYPE,
        aggregation=aggregation,
        field=draw(st.sampled_from([name for name in FIELDS[aggregation] if name not in ("at", "ratio")])),
        unit="u",
        dimensions=(),
        filter=(),
        exclusions=draw(st.sampled_from([(), (NON_PRODUCTION,)])),
        digest="d",
    )
    spans = []
    for subject in SUBJECTS[:2]:
        cuts = sorted(draw(st.sets(st.integers(0, TICKS), min_size=2, max_size=4)))
        spans += [
            ClippedSpan(subject, Instant(opens * TICK), Instant(closes * TICK))
            for opens, closes in zip(cuts[::2], cuts[1::2], strict=False)
        ]
    period = Period(Instant(0), Instant(TICKS * TICK))
    fineness = draw(breakdown()) if aggregation.additive else NO_BREAKDOWN
    if fineness.amount_field == "ratio":  # nothing here has it
        fineness = NO_BREAKDOWN
    return UsageRequest(meter, SubscriptionId("s"), CustomerId("c"), period, tuple(spans), fineness)


@settings(max_examples=80, phases=(Phase.explicit, Phase.generate))
@given(data=st.data(), count=st.integers(0, 24))
def test_all_computations_agree_where_events_crowd(data: st.DataObject, count: int) -> None:
    stored = [data.draw(row(place)) for place in range(count)]
    requests = [data.draw(request(aggregation)) for aggregation in Aggregation]
    head = max((each.event.position.batch for each in stored), default=0)
    sealed, watermark = data.draw(st.integers(0, head)), data.draw(st.integers(max(head - 1, 0), head))
    taken_back = data.draw(retractions(stored))[:2]
    events = [each.event for each in stored]
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(
            Path(folder), stored, sealed_batches=sealed, watermark=watermark, retractions=taken_back
        )
        found = DuckEngine(threads=1).measure(requests, manifest)
        again = recount(requests, manifest)
    for asked, snapshot, second in zip(requests, found, again, strict=True):
        assert snapshot == measure(asked, events, Watermark(watermark), taken_back)
        expected = naive(asked, stored, watermark, taken_back)
        assert snapshot.quantity.as_fraction() == expected.quantity
        assert (snapshot.event_count, snapshot.excluded_count, snapshot.retracted_count) == expected.counts
        assert [facts(group) for group in snapshot.groups] == expected.groups
        assert [(each.subject, each.start, each.position) for each in snapshot.opening] == expected.openings
        assert (second.quantity, second.event_count, second.fingerprint, second.groups, second.opening) == (
            *(snapshot.quantity, snapshot.event_count, snapshot.fingerprint),
            *(snapshot.groups, snapshot.opening),
        )


def facts(group: UsageGroup) -> tuple[object, ...]:
    """The group as the naive count has it."""
    numbers = (group.quantity, group.value, group.amount, group.each_amount)
    return (group.values, group.event_count, *(None if n is None else n.as_fraction() for n in numbers))
