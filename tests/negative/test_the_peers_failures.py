"""How other systems fail at the log, each as a test that ours does not. Named by the failure.

Not here, because there is nothing to fail: approximate distinct counts (no meter counts distinct values yet).
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event

from tests.logs import NOW, contract, counts, event, ndjson, open_log, send
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import ContractBook, Field, FieldType, Use
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Condition
from tieout.engines.embedded import EmbeddedEngine
from tieout.ingest.reason import Reason
from tieout.kernel.ids import CustomerId, EventType, MeterKey, Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.store.log.log import SqlEventLog

TEAM = Subject("team-1")
FEBRUARY = Period(parse_instant("2026-02-01T00:00:00Z"), parse_instant("2026-03-01T00:00:00Z"))
SIGNED = (
    Field("tokens", FieldType.INTEGER, Use.BILLING),
    Field("cost", FieldType.DECIMAL, Use.CONTEXT),
    Field("model", FieldType.ENUM, Use.BILLING, values=("small", "large")),
)
UNBOUNDED = ContractBook([contract(fields=SIGNED)])
"""Without a minimum: corrections by negative usage are allowed."""


def usage(
    log: SqlEventLog,
    period: Period = FEBRUARY,
    *,
    field: str | None = "tokens",
    aggregation: Aggregation = Aggregation.SUM,
    only: tuple[Condition, ...] = (),
    watermark: Watermark | None = None,
) -> Snapshot:
    asked = usage_request(period, field=field, aggregation=aggregation, only=only)
    manifest = log.manifest(watermark)
    (found,) = EmbeddedEngine(threads=1).measure_each([asked], manifest)
    (again,) = EmbeddedEngine(threads=1).recount([asked], manifest)
    assert isinstance(found, Snapshot)
    assert (again.quantity, again.event_count) == (found.quantity, found.event_count)
    return found


def usage_request(
    period: Period,
    *,
    field: str | None = "tokens",
    aggregation: Aggregation = Aggregation.SUM,
    only: tuple[Condition, ...] = (),
) -> UsageRequest:
    meter = Meter(
        key=MeterKey("m"), version=1, effective_from=Instant(0), definition="", owner="",
        event=EventType("llm.request"), aggregation=aggregation, field=field, unit="u", dimensions=(),
        filter=only, exclusions=(), digest="d",
    )  # fmt: skip
    span = ClippedSpan(TEAM, period.start, period.end)
    return UsageRequest(meter, SubscriptionId("s"), CustomerId("c"), period, (span,))


def test_a_reused_id_is_neither_dropped_silently_nor_does_the_last_win(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    assert counts(send(log, ndjson([event("e", 5)]), ndjson([event("e", 900)]))) == {
        "accepted": 1,
        "conflict": 1,
    }
    assert str(usage(log).quantity) == "5"
    (kept,) = log.quarantine(reason=Reason.IDENTITY_CONFLICT, limit=9)
    item = log.quarantined(kept.position)
    assert item is not None and b"900" in item.raw and str(item.original) == "b1.r0"


def test_no_dedupe_window_expires(tmp_path: Path) -> None:
    """Ten years later, compacted, the index filed, the process another one: still a duplicate."""
    log, engine = open_log(tmp_path, now=parse_instant("2026-03-01T00:00:00Z"))
    send(log, *[ndjson([event(f"e{n}", 5)]) for n in range(20)])
    log.compact(rows_min=1)
    engine.dispose()
    later, _ = open_log(tmp_path, now=parse_instant("2036-03-01T00:00:00Z"))
    later.compact(rows_min=1)
    ageless = ContractBook([contract()])
    again = send(later, ndjson([event("e3", 5), event("e4", 6)]), book=ageless)
    assert counts(again) == {
        "quarantined": 2
    }  # the contract reaches 400 days back: refused for its age, once
    for promise in ageless.versions("llm.request"):
        object.__setattr__(promise, "reach_days_max", None)
    again = send(later, ndjson([event("e3", 5), event("e4", 6)]), book=ageless)
    assert counts(again) == {"duplicate": 1, "conflict": 1}
    assert usage(later).event_count == 20


@pytest.mark.parametrize("time", ["2026-02-14T12:00:00.000001Z", "2026-02-20T00:00:00Z"])
def test_the_timestamp_is_not_in_the_dedupe_key(tmp_path: Path, time: str) -> None:
    """A retry that takes a new time must not count twice."""
    log, _ = open_log(tmp_path)
    assert counts(send(log, ndjson([event("e", 5)]), ndjson([event("e", 5, time=time)]))) == {
        "accepted": 1,
        "conflict": 1,
    }
    assert (usage(log).event_count, str(usage(log).quantity)) == (1, "5")


def test_duplicates_are_not_only_removed_inside_the_queried_window(tmp_path: Path) -> None:
    """One id on both sides of a boundary: one event in one period, whichever is asked for."""
    log, _ = open_log(tmp_path)
    january = Period(parse_instant("2026-01-01T00:00:00Z"), FEBRUARY.start)
    send(log, ndjson([event("e", 5, time="2026-01-31T23:59:59Z")]))
    send(log, ndjson([event("e", 5, time="2026-02-01T00:00:01Z")]))
    assert (usage(log, january).event_count, usage(log, FEBRUARY).event_count) == (1, 0)
    whole = Period(january.start, FEBRUARY.end)
    assert usage(log, whole).event_count == 1


def test_filters_are_not_applied_before_dedupe(tmp_path: Path) -> None:
    """The first was about another model: the filter must not make room for the second one of that id."""
    log, _ = open_log(tmp_path)
    large, small = {"tokens": 5, "model": "large"}, {"tokens": 5, "model": "small"}
    send(log, ndjson([event("e", data=large)]), ndjson([event("e", data=small)]))
    only_small = (Condition("model", ("small",), negated=False),)
    assert usage(log, only=only_small).event_count == 0
    assert usage(log).event_count == 1


def test_upper_bounds_are_not_inclusive(tmp_path: Path) -> None:
    """An event on the boundary belongs to the period that begins there, and to no other."""
    log, _ = open_log(tmp_path, now=parse_instant("2026-04-01T00:00:00Z"))
    send(log, ndjson([event("edge", 5, time="2026-03-01T00:00:00Z"), event("in", 2)]))
    march = Period(FEBRUARY.end, parse_instant("2026-04-01T00:00:00Z"))
    assert (usage(log, FEBRUARY).event_count, usage(log, march).event_count) == (1, 1)
    assert str(usage(log, march).quantity) == "5"
    whole = usage_request(Period(FEBRUARY.start, march.end))
    asked = [usage_request(FEBRUARY), usage_request(march), whole]  # in one query, which reads both months
    answers = EmbeddedEngine(threads=1).measure_each(asked, log.manifest())
    assert [answer.event_count for answer in answers if isinstance(answer, Snapshot)] == [1, 1, 2]


@pytest.mark.parametrize("bad", ["", "abc", "NaN", "1e3", "1_000", None, [], {}, True, "٣", " 1 ", "0x10"])
def test_a_bad_number_is_not_read_as_zero(tmp_path: Path, bad: object) -> None:
    log, _ = open_log(tmp_path)
    sent = ndjson([event("good", 5), event("bad", bad)])
    assert counts(send(log, sent)) == {"accepted": 1, "quarantined": 1}
    assert usage(log).event_count == 1
    assert len(log.quarantine(reason=None, limit=9)) == 1


def test_no_binary_float_is_on_the_way(tmp_path: Path) -> None:
    """0.1 ten times is 1; 0.1 + 0.2 is 0.3; 2^53 + 1 is itself."""
    log, _ = open_log(tmp_path)
    tenths = [event(f"t{n}", data={"tokens": 0, "model": "small", "cost": 0.1}) for n in range(10)]
    send(log, ndjson(tenths), book=UNBOUNDED)
    assert str(usage(log, field="cost").quantity) == "1"
    send(log, ndjson([event("big", 2**53 + 1), event("one", 1)]), book=UNBOUNDED)
    assert str(usage(log).quantity) == str(2**53 + 2)


def test_joined_keys_are_not_ambiguous(tmp_path: Path) -> None:
    """`a-b` with `c`, and `a` with `b-c`, whatever the separator would be."""
    log, _ = open_log(tmp_path)
    for number, joint in enumerate(("-", ":", "/", "|", ",", ".")):
        pair = [
            event(f"c{number}", source=f"a{joint}b"),
            event(f"b{joint}c{number}", source="a"),
        ]
        assert counts(send(log, ndjson(pair))) == {"accepted": 2}


def test_no_cutoff_is_taken_before_the_commit_that_it_should_cover(tmp_path: Path) -> None:
    """A slow writer holds its batch open while a reader takes a cutoff: what commits later is beyond that
    cutoff, and nothing slips in under it.
    """
    log, engine = open_log(tmp_path)
    send(log, ndjson([event("first", 1)]))
    reached, go_on = threading.Event(), threading.Event()

    def hold(_connection: object) -> None:
        if threading.current_thread().name == "slow writer":
            reached.set()
            go_on.wait(10)

    sqlalchemy_event.listen(engine, "commit", hold)
    slow = threading.Thread(
        target=lambda: send(log, ndjson([event("second", 10)])), name="slow writer", daemon=True
    )
    slow.start()
    assert reached.wait(10)
    reader, _ = open_log(tmp_path)
    cutoff = reader.head()
    before = usage(reader, watermark=cutoff)
    go_on.set()
    slow.join(10)
    assert cutoff == 1 and reader.head() == 2
    assert usage(reader, watermark=cutoff) == before and before.event_count == 1
    assert usage(reader).event_count == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_latest_is_not_found_by_whole_seconds(tmp_path: Path, order: tuple[int, int]) -> None:
    """Microseconds decide, not arrival; among equal times the one that the log took last."""
    log, _ = open_log(tmp_path)
    pair = [
        event("early", 1, time="2026-02-14T12:00:00.000001Z"),
        event("late", 2, time="2026-02-14T12:00:00.000002Z"),
    ]
    send(log, *[ndjson([pair[place]]) for place in order])
    assert str(usage(log, aggregation=Aggregation.LAST).quantity) == "2"
    send(log, ndjson([event("same", 3, time="2026-02-14T12:00:00.000002Z")]))
    assert str(usage(log, aggregation=Aggregation.LAST).quantity) == "3"


def test_negative_usage_is_not_clamped_to_zero(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    send(log, ndjson([event("a", 5), event("b", -7)]), book=UNBOUNDED)
    assert str(usage(log).quantity) == "-2"


def test_a_poison_message_is_neither_committed_and_dropped_nor_does_it_stop_the_others(
    tmp_path: Path,
) -> None:
    """Each stays, with its bytes and its reason, and the rest of the batch is accepted."""
    log, _ = open_log(tmp_path)
    poison = [b"\x00\xff", b'{"id": "p"', b"[[[[" * 400, b'{"id":1e999999999}', b'"' + b"x" * 5_000 + b'"']
    block = b"".join(line + b"\n" for line in [*poison[:3], ndjson([event("good", 5)]).strip(), *poison[3:]])
    totals = send(log, block)
    assert counts(totals) == {"accepted": 1, "quarantined": len(poison)}
    kept = [log.quarantined(item.position) for item in log.quarantine(reason=None, limit=99)]
    assert [item.raw for item in kept if item is not None] == poison
    assert totals.received == 1 + len(poison) and log.verify().findings == ()


def test_now_is_after_every_event_that_these_tests_send() -> None:
    assert FEBRUARY.end <= NOW
