"""Laws L1 to L5, against a model of the log that is a dictionary."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.logs import BOOK, NOW, contract, counts, event, ndjson, open_log, send
from tieout.contract.event_contract import ContractBook, Field, FieldType, Use
from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.period import Period
from tieout.ports import StoredEvent
from tieout.store.log.index import levels
from tieout.store.log.log import SqlEventLog

EVERYWHEN = Period(contract().effective_from, NOW)
WHOLE = {Subject("team-1"): [EVERYWHEN]}
TYPES = frozenset({EventType("llm.request")})


def everything(log: SqlEventLog) -> list[StoredEvent]:
    return list(log.events(WHOLE, TYPES, watermark=log.head()))


def facts(log: SqlEventLog) -> dict[tuple[str, str], object]:
    """What the log accepted, by identity."""
    return {(item.event.source, item.event.id): item.event.fields["tokens"] for item in everything(log)}


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[object]]:
    """Batches of items: new, resent, resent with other content, and damaged ones."""
    items = st.one_of(
        st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 2)).map(lambda p: event(p[0], p[1])),
        st.sampled_from(["x", {"id": "q"}, event("e", -1), event("f", "NaN")]),
    )
    return draw(st.lists(st.lists(items, max_size=8), min_size=1, max_size=5))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=deliveries())
def test_the_log_equals_a_dictionary_that_keeps_the_first(
    batches: list[list[object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log, _ = open_log(tmp_path_factory.mktemp("log"))
    model: dict[str, object] = {}
    expected = {"accepted": 0, "duplicate": 0, "conflict": 0, "quarantined": 0}
    for batch in batches:
        totals = send(log, ndjson(batch))
        for item in batch:
            expected[judged(item, model)] += 1
        assert totals.received == len(batch)
        if len(batch) % 2:
            log.compact(rows_min=1)
    assert {identity[1]: tokens for identity, tokens in facts(log).items()} == model
    assert {verdict: items for verdict, items in tallied(log).items() if items} == {
        verdict: items for verdict, items in expected.items() if items
    }
    assert log.verify().findings == ()


def judged(item: object, model: dict[str, object]) -> str:
    if not isinstance(item, dict) or "data" not in item or item["id"] in ("e", "f"):
        return "quarantined"
    tokens = item["data"]["tokens"]
    if item["id"] not in model:
        model[item["id"]] = tokens
        return "accepted"
    return "duplicate" if model[item["id"]] == tokens else "conflict"


def tallied(log: SqlEventLog) -> dict[str, int]:
    found: dict[str, int] = {}
    for tally in log.tallies():
        found[tally.verdict.name.lower()] = found.get(tally.verdict.name.lower(), 0) + tally.items
    return found


def test_l3_an_identity_is_length_prefixed(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    totals = send(
        log, ndjson([event("c", source="a-b"), event("b-c", source="a"), event("-c", source="a-b")])
    )
    assert counts(totals) == {"accepted": 3}


def test_l3_same_content_in_another_writing_is_a_duplicate(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    first = event("e", data={"tokens": 7, "cost": "1.50", "model": "small"})
    again = event(
        "e", data={"model": "small", "cost": 1.5, "tokens": "007"}, time="2026-02-14T13:00:00+01:00"
    )
    traced = event("e", data={"model": "small", "cost": 1.5, "tokens": 7}, traceparent="00-77")
    assert counts(send(log, ndjson([first]), ndjson([again, traced]))) == {"accepted": 1, "duplicate": 2}


@pytest.mark.parametrize("change", [{"time": "2026-02-14T12:00:01Z"}, {"subject": "team-2"}, {"tokens": 2}])
def test_l3_same_identity_with_other_content_is_a_conflict_and_is_kept(
    tmp_path: Path, change: dict[str, object]
) -> None:
    """The time is not part of the identity: a retry with another time never counts twice."""
    log, _ = open_log(tmp_path)
    other = event("e", **change)  # type: ignore[arg-type]
    assert counts(send(log, ndjson([event("e")]), ndjson([other]))) == {"accepted": 1, "conflict": 1}
    assert facts(log) == {("gateway", "e"): 1}
    (item,) = log.quarantine(reason=Reason.IDENTITY_CONFLICT, limit=9)
    kept = log.quarantined(item.position)
    assert kept is not None and json.loads(kept.raw) == other
    assert kept.event_id == "e" and kept.verdict is Verdict.CONFLICT and str(kept.original) == "b1.r0"


def test_l3_a_retry_that_a_later_contract_version_types_otherwise_is_a_duplicate(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    item = event("e", data={"tokens": 3, "model": "small", "note": "late"})
    assert counts(send(log, ndjson([item]))) == {"accepted": 1}
    declared = (*contract().fields, Field("note", FieldType.STRING, Use.CONTEXT))
    book = ContractBook(
        [contract(), contract(version=2, effective_from="2026-01-01T00:00:00Z", fields=declared)]
    )
    assert counts(send(log, ndjson([item]), book=book)) == {"duplicate": 1}
    changed = event("e", data={"tokens": 3, "model": "small", "note": "other"})
    assert counts(send(log, ndjson([changed]), book=book)) == {"conflict": 1}
    assert log.verify().findings == ()


def test_l3_holds_across_compaction_index_files_and_reopening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    log, engine = open_log(tmp_path)
    blocks = [ndjson([event(f"e{n}-{m}") for m in range(20)]) for n in range(75)]
    send(log, *blocks)
    log.compact(rows_min=1)
    engine.dispose()
    again, _ = open_log(tmp_path)
    assert counts(send(again, *blocks)) == {"duplicate": 1_500}
    assert sorted(path.name for path in (tmp_path / "index").glob("*.run")) == [
        "000000000001-000000000064.run",
        "000000000065-000000000128.run",
        "000000000129-000000000136.run",
        "000000000137-000000000144.run",
    ]


def test_the_index_is_rebuilt_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    log, engine = open_log(tmp_path)
    blocks = [ndjson([event(f"e{n}-{m}") for m in range(10)]) for n in range(16)]
    send(log, *blocks)
    send(log, ndjson([event("e0-0"), event("e0-0", 2)]))
    log.compact(rows_min=1)
    before = run_files(tmp_path)
    assert before
    for path in (tmp_path / "index").glob("*"):
        path.unlink()
    engine.dispose()
    again, _ = open_log(tmp_path)
    assert counts(send(again, blocks[3], ndjson([event("new")]))) == {"duplicate": 10, "accepted": 1}
    assert run_files(tmp_path) == before


def run_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "index").glob("*.run")}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_l4_order_batching_and_retries_change_no_answer(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Shuffled, split otherwise, with resends: the same events, as long as one identity keeps its order."""
    generator = random.Random(seed)
    events = [event(f"e{n}", n) for n in range(30)]
    first, _ = open_log(tmp_path_factory.mktemp("first"))
    send(first, ndjson(events))
    second, _ = open_log(tmp_path_factory.mktemp("second"))
    resent = events + generator.choices(events, k=10)
    generator.shuffle(resent)
    for batch in split(resent, generator):
        send(second, ndjson(batch))
        if generator.random() < 0.3:
            second.compact(rows_min=1)
    assert facts(first) == facts(second)


def split(items: list[dict[str, object]], generator: random.Random) -> Iterator[list[dict[str, object]]]:
    while items:
        cut = generator.randint(1, 9)
        yield items[:cut]
        items = items[cut:]


def test_l4_the_log_as_of_a_watermark_never_changes(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    send(log, ndjson([event("a", 1)]), ndjson([event("b", 2)]), ndjson([event("a", 5), event("c", 3)]))
    as_of_2 = [item.event.id for item in log.events(WHOLE, TYPES, watermark=log.manifest(None).watermark)][:2]
    log.compact(rows_min=1)
    send(log, ndjson([event("d", 4)]))
    early = [item.event.id for item in log.events(WHOLE, TYPES, watermark=type(log.head())(2))]
    assert early == as_of_2 == ["a", "b"]
    late = [
        str(item.position)
        for item in log.events(WHOLE, TYPES, watermark=log.head(), after=type(log.head())(2))
    ]
    assert late == ["b3.r1", "b4.r0"]
    assert len(everything(log)) == 4


def test_a_default_source_and_blank_lines_and_carriage_returns(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    item = event("e")
    del item["source"]
    with log.intake(BOOK, origin="f", default_source="edge", workers=1) as intake:
        intake.lines(b"\n" * 10)
        intake.lines(b"\r\n\n" + json.dumps(item).encode() + b"\r\n  \n\t\nbroken\r\n")
        totals = intake.finish()
    assert counts(totals) == {"accepted": 1, "quarantined": 1}
    (refused,) = log.quarantine(reason=None, limit=9)
    assert (refused.line, refused.reason) == (16, Reason.NOT_JSON)
    kept = log.quarantined(refused.position)
    assert kept is not None and kept.raw == b"broken"
    assert facts(log) == {("edge", "e"): 1}


def test_other_processes_prepare_the_same_batches(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    blocks = [ndjson([event(f"e{n}-{m}") for m in range(50)] + [{"id": "bad"}]) for n in range(4)]
    totals = send(log, *blocks, workers=2)
    assert counts(totals) == {"accepted": 200, "quarantined": 4}
    assert [item.line for item in log.quarantine(reason=None, limit=9)] == [51, 102, 153, 204]
    assert log.verify().findings == ()
