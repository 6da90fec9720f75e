"""Law L4 with retractions: DuckDB, the recount, the Python definition and a set in a test agree, whatever
arrives in whichever order, however it is batched, and however often it is compacted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.faults.harness.effort import times
from tests.logs import NOW, contract, counts, event, ndjson, open_log, send
from tieout.aggregate.bucket import BucketRequest
from tieout.aggregate.measure import measure
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import RETRACTION
from tieout.contract.meter import Aggregation, Exclusion, Meter
from tieout.contract.predicate import Condition
from tieout.engines.embedded import EmbeddedEngine
from tieout.evidence.witness import Witness, meter_event, retraction_of
from tieout.ingest.reason import Reason
from tieout.kernel.ids import CustomerId, EventType, MeterKey, Subject, SubscriptionId, Watermark
from tieout.kernel.period import Period
from tieout.ports import StoredEvent
from tieout.store.log.log import SqlEventLog

TYPE = EventType("llm.request")
TEAM = Subject("team-1")
EVERYWHEN = Period(contract().effective_from, NOW)
IDS = ("a", "b", "c", "d")
SOURCES = ("gateway", "edge")
FOUND_FIRST = (Phase.explicit, Phase.generate)
"""A log for each example is too slow to look for a smaller one."""


def retraction(target: str, number: int = 0, **changes: object) -> dict[str, object]:
    """A retraction of `target` with an id of its own."""
    return {
        "specversion": "1.0",
        "id": f"tieout.retraction:{target}-{number}",
        "source": "gateway",
        "type": "tieout.retraction",
        "subject": "team-1",
        "time": "2026-02-15T00:00:00Z",
        "data": {"target_id": target, "reason": "sent twice under two ids"},
        **changes,
    }


def meter(aggregation: Aggregation) -> Meter:
    return Meter(
        key=MeterKey("tokens"),
        version=1,
        effective_from=EVERYWHEN.start,
        definition="tokens",
        owner="product",
        event=TYPE,
        aggregation=aggregation,
        field=None if aggregation is Aggregation.COUNT else "tokens",
        unit="token",
        dimensions=(),
        filter=(Condition("model", ("small",), negated=False),),
        exclusions=(Exclusion("cached", (Condition("cached", ("true",), negated=False),)),),
        digest="d",
    )


def request(aggregation: Aggregation) -> UsageRequest:
    span = ClippedSpan(TEAM, EVERYWHEN.start, EVERYWHEN.end)
    return UsageRequest(meter(aggregation), SubscriptionId("s"), CustomerId("c"), EVERYWHEN, (span,))


REQUESTS = [request(aggregation) for aggregation in Aggregation]


@dataclass(frozen=True)
class Item:
    """One thing that a sender sends, as the test thinks of it."""

    source: str
    id: str
    kind: str
    tokens: int = 0
    number: int = 0

    @property
    def line(self) -> dict[str, object]:
        if self.kind == "retraction":
            return retraction(self.id, self.number, source=self.source)
        data = {"tokens": self.tokens, "model": "large" if self.kind == "filtered" else "small"}
        if self.kind == "excluded":
            data["cached"] = True
        return event(self.id, source=self.source, data=data, time=f"2026-02-14T12:00:{len(self.id):02d}Z")


ITEMS = st.builds(
    Item,
    source=st.sampled_from(SOURCES),
    id=st.sampled_from(IDS),
    kind=st.sampled_from(["counted", "counted", "excluded", "filtered", "retraction", "retraction"]),
    tokens=st.integers(0, 3),
    number=st.integers(0, 1),
)


@dataclass
class Model:
    """The log as plain lists: the first of each identity, and every retraction, with their batch."""

    events: dict[tuple[str, str], tuple[int, Item]]
    retracted: dict[tuple[str, str], int]

    def take(self, batch: int, item: Item) -> None:
        identity = (item.source, item.id)
        if item.kind == "retraction":
            self.retracted.setdefault(identity, batch)
        else:
            self.events.setdefault(identity, (batch, item))

    def as_of(self, batch: int) -> Mapping[str, list[Item]]:
        found: dict[str, list[Item]] = {"counted": [], "excluded": [], "filtered": [], "retracted": []}
        gone_but_countable = []
        for identity, (arrived, item) in self.events.items():
            if arrived > batch:
                continue
            gone = self.retracted.get(identity, batch + 1) <= batch
            found["retracted" if gone else item.kind].append(item)
            if gone and item.kind == "counted":
                gone_but_countable.append(item)
        return found | {"taken back": gone_but_countable}


@settings(
    max_examples=times(quick=20, long=100),
    phases=FOUND_FIRST,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    batches=st.lists(st.lists(ITEMS, min_size=1, max_size=6), min_size=1, max_size=6),
    compacted=st.sets(st.integers(1, 6)),
)
def test_what_counts_is_what_was_accepted_and_not_retracted_as_of_every_batch(
    batches: list[list[Item]], compacted: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log, engine = open_log(tmp_path_factory.mktemp("log"))
    model = Model({}, {})
    for number, batch in enumerate(batches, start=1):
        send(log, ndjson([item.line for item in batch]))
        for item in batch:
            model.take(number, item)
        if number in compacted:
            log.compact(rows_min=1)
    for watermark in range(len(batches) + 1):
        agree(log, Watermark(watermark), model.as_of(watermark))
    assert log.verify().findings == ()
    engine.dispose()


def agree(log: SqlEventLog, watermark: Watermark, expected: Mapping[str, list[Item]]) -> None:
    manifest = log.manifest(watermark)
    engine = EmbeddedEngine(threads=1)
    found = engine.measure_each(REQUESTS, manifest)
    assert found == defined(log, watermark)
    for snapshot, second in zip(found, engine.recount(REQUESTS, manifest), strict=True):
        assert isinstance(snapshot, Snapshot)
        assert (second.quantity, second.event_count, second.fingerprint) == (
            snapshot.quantity,
            snapshot.event_count,
            snapshot.fingerprint,
        )
        assert snapshot.event_count == len(expected["counted"])
        assert snapshot.excluded_count == len(expected["excluded"])
        assert snapshot.retracted_count == len(expected["taken back"])
    by_aggregation = {ask.meter.aggregation: answer for ask, answer in zip(REQUESTS, found, strict=True)}
    total = by_aggregation[Aggregation.SUM]
    assert isinstance(total, Snapshot)
    assert str(total.quantity) == str(sum(item.tokens for item in expected["counted"]))
    span = ClippedSpan(TEAM, EVERYWHEN.start, EVERYWHEN.end)
    (buckets,) = engine.bucket_counts(
        [BucketRequest(meter(Aggregation.COUNT), EVERYWHEN, [span], [span])], manifest
    )
    assert (buckets.counted, buckets.excluded_count, buckets.not_matched, buckets.retracted) == tuple(
        len(expected[name]) for name in ("counted", "excluded", "filtered", "retracted")
    )
    assert (buckets.unmatched, buckets.unpriced) == (0, 0)
    accepted = sum(len(expected[name]) for name in ("counted", "excluded", "filtered", "retracted"))
    assert buckets.total == accepted == len(events_of(log, watermark))


def events_of(log: SqlEventLog, watermark: Watermark) -> list[StoredEvent]:
    return list(log.events({TEAM: [EVERYWHEN]}, frozenset({TYPE}), watermark=watermark))


def defined(log: SqlEventLog, watermark: Watermark) -> Sequence[Snapshot]:
    """By the meaning in plain Python, over the events and retractions as the log gives them back."""
    events = [meter_event(witness(each, contract())) for each in events_of(log, watermark)]
    head = log.head()
    retractions = [retraction_of(witness(each, RETRACTION)) for each in log.retractions(watermark=head)]
    return [measure(ask, events, watermark, retractions) for ask in REQUESTS]


def witness(stored: StoredEvent, promise: object) -> Witness:
    return Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, promise)  # type: ignore[arg-type]


def test_a_retraction_holds_before_its_target_and_a_resend_stays_a_duplicate(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    sent = send(log, ndjson([retraction("a")]), ndjson([event("a", 5), event("b", 7)]))
    assert counts(sent) == {"accepted": 3}
    gone, kept = [Item("gateway", "a", "counted", 5)], [Item("gateway", "b", "counted", 7)]
    expected = {"counted": kept, "excluded": [], "filtered": [], "retracted": gone, "taken back": gone}
    agree(log, log.head(), expected)
    assert counts(send(log, ndjson([event("a", 5), event("a", 6)]))) == {"duplicate": 1, "conflict": 1}
    assert [str(each.position) for each in log.retractions(watermark=log.head())] == ["b1.r0"]


def test_only_the_source_of_the_target_can_retract_it(tmp_path: Path) -> None:
    """The same id of another source is another identity; a key is bound to its sources."""
    log, _ = open_log(tmp_path)
    send(log, ndjson([event("a", 5), retraction("a", source="edge")]))
    snapshot = EmbeddedEngine().measure_each(REQUESTS[:1], log.manifest())[0]
    assert isinstance(snapshot, Snapshot) and (snapshot.event_count, snapshot.retracted_count) == (1, 0)


def naming(**data: str) -> dict[str, object]:
    return {"data": data}


FLAWS = {
    "another retraction": (naming(target_id="tieout.retraction:x", reason="r"), Reason.RETRACTION_FINAL),
    "no mark in its id": ({"id": "r-1"}, Reason.ID_MALFORMED),
    "no reason": (naming(target_id="a"), Reason.FIELD_MISSING),
    "an empty reason": (naming(target_id="a", reason="  "), Reason.FIELD_MISSING),
    "no target": (naming(reason="r"), Reason.FIELD_MISSING),
    "a target that is no id": (naming(target_id="a b", reason="r"), Reason.ID_MALFORMED),
    "an empty target": (naming(target_id="", reason="r"), Reason.ID_MALFORMED),
    "a target too long": (naming(target_id="a" * 129, reason="r"), Reason.TEXT_TOO_LONG),
    "its own replacement": (naming(target_id="a", reason="r", replaced_by="a"), Reason.ID_MALFORMED),
    "a retraction as replacement": (
        naming(target_id="a", reason="r", replaced_by="tieout.retraction:x"),
        Reason.RETRACTION_FINAL,
    ),
    "the future": ({"time": "2027-01-01T00:00:00Z"}, Reason.TIME_FUTURE),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_retraction_that_cannot_hold_is_quarantined_with_its_reason(tmp_path: Path, flaw: str) -> None:
    changes, reason = FLAWS[flaw]
    log, _ = open_log(tmp_path)
    sound = [retraction("b", number) for number in range(3)]
    totals = send(log, ndjson([event("a"), *sound, retraction("a", **changes)]))  # type: ignore[arg-type]
    assert counts(totals) == {"accepted": 4, "quarantined": 1}
    (item,) = log.quarantine(reason=None, limit=9)
    assert item.reason is reason, item.detail


def test_a_retraction_follows_identity_as_every_event_does(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    again = retraction("a", data={"target_id": "a", "reason": "another reason"})
    assert counts(send(log, ndjson([retraction("a"), retraction("a"), again]))) == {
        "accepted": 1,
        "duplicate": 1,
        "conflict": 1,
    }
    assert log.verify().findings == ()
