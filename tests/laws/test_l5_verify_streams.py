"""Law L5: verify is one pass in bounded memory, by one process or several, while the log is written."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from tests.logs import NOW, event, ndjson, open_log, send
from tieout.kernel.instant import Instant
from tieout.ports import LogVerification
from tieout.store.log import segment_file, tiers, verify_identities, verify_rows
from tieout.store.log.log import SqlEventLog
from tieout.store.log.verify import verify_log
from tieout.store.sqlite import begin_immediate

HOUR = 3_600_000_000


def blocks(first: int, last: int, rows: int = 20) -> list[bytes]:
    return [
        ndjson([event(f"e{n}-{m}", m, subject=f"team-{m % 7}") for m in range(rows)])
        for n in range(first, last)
    ]


def verified(log: SqlEventLog, folder: Path, *, processes: int) -> LogVerification:
    secret = log.identity_secret
    return verify_log(log._engine, folder, log._segments, secret, None, processes=processes)


def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_rows, "ROWS_WORTH_PROCESSES", 1)
    monkeypatch.setattr(segment_file, "ROWS_PER_GROUP", 64)
    log, engine = open_log(tmp_path)
    send(log, *blocks(0, 30))
    log.compact(rows_min=1)
    (path,) = (tmp_path / "segments").rglob("*.parquet")
    assert pq.ParquetFile(path).metadata.num_row_groups == 10
    alone, together = verified(log, tmp_path, processes=1), verified(log, tmp_path, processes=3)
    assert alone == together
    assert (alone.accepted, alone.findings) == (600, ())
    forge(engine, path)
    alone, together = verified(log, tmp_path, processes=1), verified(log, tmp_path, processes=3)
    assert alone == together
    assert {"event", "batch"} <= {finding.what for finding in alone.findings}
    engine.dispose()


def forge(engine, path: Path) -> None:  # type: ignore[no-untyped-def] # an Engine
    """Another number of tokens in every row, under a checksum of its own."""
    import hashlib

    import pyarrow as pa

    table = pq.read_table(path, partitioning=None)
    place = table.schema.get_field_index("f_tokens")
    forged = table.set_column(place, table.schema.field(place), pa.array([5] * table.num_rows, pa.int64()))
    pq.write_table(forged, path, row_group_size=64)
    with begin_immediate(engine) as connection:
        values = {"sha256": hashlib.sha256(path.read_bytes()).digest(), "bytes": path.stat().st_size}
        connection.execute(text("UPDATE segments SET sha256 = :sha256, bytes = :bytes"), values)


def test_progress_goes_from_the_first_batch_to_the_last(tmp_path: Path) -> None:
    log, engine = open_log(tmp_path)
    send(log, *blocks(0, 70))
    log.compact(rows_min=1)
    send(log, *blocks(70, 90))
    told: list[tuple[int, int]] = []
    log.verify(lambda done, total: told.append((done, total)))
    assert told == sorted(told) and told[-1] == (90, 90) and len(told) >= 5
    engine.dispose()


def test_a_log_that_is_written_compacted_and_merged_meanwhile_is_not_accused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "FAN_OUT", 2)
    log, engine = open_log(tmp_path)
    for number in range(3):
        send(log, *blocks(number * 40, number * 40 + 40))
    steps = iter(range(3, 100))
    now = NOW

    def meanwhile(_done: int, _total: int) -> None:
        nonlocal now
        number = next(steps)
        now = Instant(now + HOUR)
        other, own = open_log(tmp_path, now=now)
        send(other, *blocks(number * 40, number * 40 + 3))
        other.maintain(rows_min=1)
        other.maintain(rows_min=1)
        own.dispose()

    report = log.verify(meanwhile)
    assert report.findings == ()
    assert report.batches == 120 and report.accepted == 2_400, "as of the head it began with"
    assert next(steps) > 6, "it went on meanwhile"
    assert log.verify().findings == ()
    engine.dispose()


def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the ranges, the same peak but for a little for each batch."""
    monkeypatch.setattr(verify_identities, "BUFFERED_MAX", 1_000)
    peaks = []
    for count in (4, 16):
        log, engine = open_log(tmp_path / str(count))
        monkeypatch.setattr(tiers, "FAN_OUT", 100)
        for number in range(count):
            send(log, *blocks(number * 2, number * 2 + 2, rows=1_500))
            log.compact(rows_min=1)
        assert len(log.manifest().segments) == count
        verified(log, tmp_path / str(count), processes=1)  # imports and caches are there now
        tracemalloc.start()
        assert verified(log, tmp_path / str(count), processes=1).findings == ()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        engine.dispose()
    assert peaks[1] < peaks[0] * 1.3, peaks
