"""The log on SQLite and on PostgreSQL: the same batches, segments, index files and answers, byte for byte."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.logs import BOOK, NOW, contract, counts, event, ndjson, open_log, send
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import ContractBook, Field, FieldType, Use
from tieout.contract.meter import Aggregation, Meter
from tieout.engines.embedded import EmbeddedEngine
from tieout.kernel.ids import CustomerId, EventType, MeterKey, Position, Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import LogManifest
from tieout.store.log import schema
from tieout.store.log.index import levels
from tieout.store.log.log import SqlEventLog

LATER = Instant(NOW + 3_600_000_000)
TYPES = frozenset({EventType("llm.request")})
SPANS = {Subject(team): [Period(contract().effective_from, NOW)] for team in ("team-1", "team-2")}
NEWER = ContractBook(
    [
        contract(),
        contract(
            version=2,
            effective_from="2026-01-01T00:00:00Z",
            fields=(*contract().fields, Field("note", FieldType.STRING, Use.CONTEXT)),
        ),
    ]
)

METER = Meter(
    key=MeterKey("m"), version=1, effective_from=Instant(0), definition="", owner="",
    event=EventType("llm.request"), aggregation=Aggregation.COUNT, field=None, unit="u", dimensions=(),
    filter=(), exclusions=(), digest="d",
)  # fmt: skip
PERIOD = Period(contract().effective_from, NOW)
TEAM_1 = ClippedSpan(Subject("team-1"), PERIOD.start, PERIOD.end)
REQUESTS = [UsageRequest(METER, SubscriptionId("s"), CustomerId("c"), PERIOD, (TEAM_1,))]


class Counting:
    """The same tokens in the same order, so that both logs have the same identity secret and commit ids."""

    def __init__(self, start: int) -> None:
        self._numbers = count(start)

    def token(self, bytes_count: int) -> bytes:
        return next(self._numbers).to_bytes(bytes_count, "big")


def blocks(first: int, last: int) -> list[bytes]:
    return [
        ndjson([event(f"e{n}-{m}", m, subject=f"team-{1 + m % 2}") for m in range(12)])
        for n in range(first, last)
    ]


def retraction(number: int, target: str) -> dict[str, object]:
    return {
        **event(f"tieout.retraction:{number}", time="2026-02-20T00:00:00Z"),
        "type": "tieout.retraction",
        "data": {"target_id": target, "reason": "sent twice"},
    }


def told(folder: Path, url: str | None) -> dict[str, object]:
    """Ingest, repeats, conflicts, broken items, compaction, reopening, a newer contract; what it left."""
    story: dict[str, object] = {}
    log, engine = open_log(folder, url=url, entropy=Counting(1))
    story["first"] = counts(send(log, *blocks(0, 10), b"\xff\xfe broken\n", ndjson([event("bad", "1e9")])))
    story["segments written"] = log.compact(rows_min=1)
    reused = ndjson([event("e0-1", 99), event("e0-1", 1, time=None)])
    story["again"] = counts(send(log, *blocks(0, 3), reused))
    engine.dispose()
    log, engine = open_log(folder, now=LATER, url=url, entropy=Counting(1_000))
    story["after reopening"] = counts(send(log, *blocks(8, 14), b"\x00\n" + ndjson([event("nul\x00id")])))
    noted = event("noted", data={"tokens": 3, "model": "small", "note": "late"})
    story["noted"] = counts(send(log, ndjson([noted]), book=BOOK))
    story["typed otherwise"] = counts(send(log, ndjson([noted]), book=NEWER))
    story["changed"] = counts(send(log, ndjson([{**noted, "subject": "team-2"}]), book=NEWER))
    story["retracted"] = counts(send(log, ndjson([retraction(1, "e0-2"), retraction(2, "e99-9")])))
    story["compacted again"] = log.compact(rows_min=1)
    story["uncompacted"] = counts(send(log, *blocks(14, 16), ndjson([retraction(3, "e0-2")])))
    engine.dispose()
    log, engine = open_log(folder, now=LATER, url=url, entropy=Counting(2_000))
    story |= answers(log)
    with engine.connect() as connection:
        for table in (schema.head, schema.batches, schema.segments, schema.compactions, schema.quarantine):
            rows = connection.execute(select(table).order_by(*table.primary_key)).all()
            story[f"table {table.name}"] = [tuple(row) for row in rows]
        for table in (schema.bodies, schema.keys, schema.arrivals, schema.source_heads):
            rows = connection.execute(select(table).order_by(*table.primary_key)).all()
            story[f"table {table.name}"] = [tuple(row) for row in rows]
    story["files"] = {
        str(path.relative_to(folder)): path.read_bytes()
        for place in ("segments", "index")
        for path in (folder / place).rglob("*")
        if path.is_file()
    }
    engine.dispose()
    return story


def answers(log: SqlEventLog) -> dict[str, object]:
    head = log.head()
    report = log.verify()
    assert report.findings == ()
    kept = log.quarantine(reason=None, limit=100)
    return {
        "verified": (report.batches, report.received, report.accepted, report.segments, report.head_digest),
        "events": list(log.events(SPANS, TYPES, watermark=head)),
        "as of 5": list(log.events(SPANS, TYPES, watermark=Watermark(5))),
        "after 5": list(log.events(SPANS, TYPES, watermark=head, after=Watermark(5))),
        "event at": [log.event_at(Position(batch, 3)) for batch in range(1, head + 1)],
        "manifest": shape_of(log.manifest()),
        "tallies": log.tallies(),
        "retractions": log.retractions(watermark=head),
        "retractions of one, later": log.retractions(
            watermark=head, after=Watermark(head - 1), targets=[("gateway", "e0-2")]
        ),
        "accepted": log.accepted([("gateway", "e0-2"), ("gateway", "e15-3"), ("gateway", "nothing")]),
        "usage": EmbeddedEngine(threads=1).measure_each(REQUESTS, log.manifest()),
        "quarantine": [log.quarantined(item.position) for item in kept],
    }


def shape_of(manifest: LogManifest) -> object:
    """The manifest without the folder that its paths begin with."""
    segments = [(part.type, part.contract_version, part.rows, part.sha256) for part in manifest.segments]
    retracted = sorted(manifest.retracted.to_pylist(), key=lambda row: (row["batch"], row["row"]))
    return manifest.watermark, segments, [part.table.to_pylist() for part in manifest.tail], retracted


def test_both_databases_hold_the_same_log(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    on_sqlite, on_postgres = told(tmp_path / "sqlite", None), told(tmp_path / "postgres", postgres_url)
    assert on_sqlite.keys() == on_postgres.keys()
    for part, expected in on_sqlite.items():
        assert on_postgres[part] == expected, part
    assert on_sqlite["first"] == {"accepted": 120, "quarantined": 2}
    assert on_sqlite["again"] == {"duplicate": 36, "conflict": 1, "quarantined": 1}
    assert on_sqlite["after reopening"] == {"duplicate": 24, "accepted": 48, "quarantined": 2}
    assert on_sqlite["noted"] == {"accepted": 1}
    assert on_sqlite["typed otherwise"] == {"duplicate": 1}
    assert on_sqlite["changed"] == {"conflict": 1}
    assert (on_sqlite["segments written"], on_sqlite["compacted again"]) == (1, 2)
    assert on_sqlite["retracted"] == {"accepted": 2}
    assert len(on_sqlite["retractions"]) == 3  # type: ignore[arg-type]
    assert len(on_sqlite["retractions of one, later"]) == 1  # type: ignore[arg-type]
    (snapshot,) = on_sqlite["usage"]  # type: ignore[misc]
    assert (snapshot.event_count, snapshot.retracted_count) == (96, 1)
    assert len(on_sqlite["events"]) == 120 + 48 + 24 + 1  # type: ignore[arg-type]
