"""Law L5: one flipped byte in a stored body, disposition, quarantined item or segment is found and named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.logs import event, ndjson, open_log, send
from tieout.ports import UnreadableSegment
from tieout.store.log import schema
from tieout.store.log.encoding import DamagedBody
from tieout.store.log.index import levels
from tieout.store.log.log import SqlEventLog
from tieout.store.sqlite import begin_immediate

COLUMNS = [
    ("bodies", "body"),
    ("batches", "dispositions"),
    ("batches", "digest"),
    ("batches", "previous_digest"),
    ("batches", "contracts"),
    ("quarantine", "raw"),
    ("keys", "entries"),
    ("head", "digest"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    log, engine = open_log(tmp_path / "home")
    send(log, ndjson([event("a"), event("b"), event("a"), event("a", 9), {"no": 1}]), ndjson([event("c")]))
    engine.dispose()
    return tmp_path / "home"


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_every_flipped_byte_of_a_stored_value_is_found(home: Path, table: str, column: str) -> None:
    log, engine = open_log(home)
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT rowid, {column} FROM {table}")).all()
    tried = 0
    for rowid, value in rows:
        content = value.encode() if isinstance(value, str) else value
        for place in range(0, len(content), max(1, len(content) // 60)):
            write(engine, table, column, rowid, flipped(content, place, as_text=isinstance(value, str)))
            assert log.verify().findings, f"byte {place} of {table}.{column} in row {rowid}"
            tried += 1
        write(engine, table, column, rowid, value)
    assert tried > 0
    assert log.verify().findings == ()


def write(engine, table: str, column: str, rowid: int, value: object) -> None:  # type: ignore[no-untyped-def]
    with begin_immediate(engine) as connection:
        connection.execute(
            text(f"UPDATE {table} SET {column} = :v WHERE rowid = :r"), {"v": value, "r": rowid}
        )


def flipped(content: bytes, place: int, *, as_text: bool) -> object:
    changed = content[:place] + bytes([content[place] ^ (1 if as_text else 64)]) + content[place + 1 :]
    return changed.decode() if as_text else changed


def test_every_flipped_byte_of_a_segment_is_found_and_the_segment_named(home: Path) -> None:
    log, _ = open_log(home)
    log.compact(rows_min=1)
    (path,) = (home / "segments").rglob("*.parquet")
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        findings = log.verify().findings
        assert any(path.name in finding.where for finding in findings), place
    path.write_bytes(content)
    assert log.verify().findings == ()


def merged_home(folder: Path) -> tuple[SqlEventLog, Path, list[Path]]:
    """A log whose eight segments became one: the merged file, and those that wait to be deleted."""
    log, _ = open_log(folder)
    for number in range(8):
        send(log, ndjson([event(f"e{number}-{place}") for place in range(5)]))
        log.compact(rows_min=1)
    (live,) = [Path(segment.path) for segment in log.manifest().segments]
    retired = sorted({*(folder / "segments").rglob("*.parquet")} - {live})
    assert len(retired) == 8
    assert log.verify().findings == ()
    return log, live, retired


def test_every_flipped_byte_of_a_merged_segment_is_found_and_named(tmp_path: Path) -> None:
    log, live, _ = merged_home(tmp_path)
    content = live.read_bytes()
    for place in range(0, len(content), 97):
        live.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert any(live.name in finding.where for finding in log.verify().findings), place
    live.write_bytes(content)
    assert log.verify().findings == ()


def test_every_flipped_byte_of_a_retired_segment_is_found_and_named(tmp_path: Path) -> None:
    """A reader with an older manifest may still read it."""
    log, _, retired = merged_home(tmp_path)
    content = retired[3].read_bytes()
    for place in range(0, len(content), 301):
        retired[3].write_bytes(content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :])
        (finding,) = log.verify().findings
        assert finding.what == "segment" and retired[3].name in finding.where, place
    retired[3].unlink()
    (finding,) = log.verify().findings
    assert finding.detail == "it is missing"


def test_every_flipped_byte_of_a_retired_body_is_found(home: Path) -> None:
    log, engine = open_log(home)
    log.compact(rows_min=1)
    with engine.connect() as connection:
        rowid, body = connection.execute(text("SELECT rowid, body FROM bodies")).first() or (0, b"")
    for place in range(0, len(body), 211):
        write(engine, "bodies", "body", rowid, flipped(body, place, as_text=False))
        assert [finding.what for finding in log.verify().findings] == ["body"], place


def test_a_damaged_segment_is_never_merged(tmp_path: Path) -> None:
    """Merged, the damage would have a digest of its own."""
    log, _ = open_log(tmp_path)
    for number in range(8):
        send(log, ndjson([event(f"e{number}-{place}") for place in range(5)]))
        if number < 7:
            log.compact(rows_min=1)
    path = next((tmp_path / "segments").rglob("*.parquet"))
    content = path.read_bytes()
    path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    with pytest.raises(UnreadableSegment, match="SHA-256"):
        log.compact(rows_min=1)
    path.write_bytes(content)
    assert log.maintain().merged == 1
    assert log.verify().findings == ()


def test_a_segment_rewritten_with_its_own_checksum_is_found_by_the_events(home: Path) -> None:
    """Whoever rewrites a segment and its row in the database still has the chain against them."""
    import hashlib

    import pyarrow as pa
    import pyarrow.parquet as pq

    log, engine = open_log(home)
    log.compact(rows_min=1)
    (path,) = (home / "segments").rglob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    place = table.schema.get_field_index("f_tokens")
    forged = table.set_column(place, table.schema.field(place), pa.array([5] * table.num_rows, pa.int64()))
    pq.write_table(forged, path)
    with begin_immediate(engine) as connection:
        sha256 = hashlib.sha256(path.read_bytes()).digest()
        connection.execute(schema.segments.update().values(sha256=sha256))
    what = {finding.what for finding in log.verify().findings}
    assert {"event", "batch"} <= what


def test_every_flipped_byte_of_an_index_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Derived, but a damaged index would let an identity in twice."""
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    log, _ = open_log(tmp_path)
    send(log, *[ndjson([event(f"e{number}")]) for number in range(9)])
    (path,) = (tmp_path / "index").glob("*.run")
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        assert [finding.what for finding in log.verify().findings] == ["index"], place
    path.write_bytes(content)
    assert log.verify().findings == ()


MISSING: dict[str, Callable[[Path], None]] = {
    "segment": lambda home: next((home / "segments").rglob("*.parquet")).unlink(),
    "segments": lambda home: shutil.rmtree(home / "segments"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_segment_is_found(home: Path, name: str) -> None:
    log, _ = open_log(home)
    log.compact(rows_min=1)
    MISSING[name](home)
    assert any(finding.what == "segment" for finding in log.verify().findings)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE segments SET type = 'other'",
        "UPDATE segments SET contract_version = 2",
        "UPDATE segments SET rows = rows + 1",
        "UPDATE segments SET first_batch = 2",
        "UPDATE quarantine SET verdict = 2 WHERE verdict = 3",
        "UPDATE quarantine SET reason = 1",
        "UPDATE tallies SET reason = 2 WHERE reason > 0",
        "UPDATE tallies SET hour = hour + 3600000000",
        "UPDATE tallies SET items = items + 1 WHERE verdict = 1",
    ],
)
def test_a_changed_row_is_found(home: Path, change: str) -> None:
    log, engine = open_log(home)
    log.compact(rows_min=1)
    assert log.verify().findings == ()
    with begin_immediate(engine) as connection:
        connection.execute(text(change))
    assert log.verify().findings


def test_damaged_identity_keys_stop_the_next_ingest(home: Path) -> None:
    """Learned as they are, they would let an identity in twice."""
    _, engine = open_log(home)
    with engine.connect() as connection:
        entries = connection.execute(text("SELECT entries FROM keys WHERE batch = 1")).scalar_one()
    write(engine, "keys", "entries", 1, flipped(entries, 40, as_text=False))
    log, _ = open_log(home)
    with pytest.raises(DamagedBody, match="identity keys of batch 1"):
        send(log, ndjson([event("a")]))


@pytest.mark.parametrize("table", ["keys", "batches", "quarantine", "tallies", "bodies"])
def test_a_deleted_row_is_found(home: Path, table: str) -> None:
    log, engine = open_log(home)
    with begin_immediate(engine) as connection:
        connection.execute(
            text(
                f"DELETE FROM {table} WHERE batch = 1"
                if table != "batches"
                else "DELETE FROM batches WHERE number = 2"
            )
        )
    assert log.verify().findings


def test_the_chain_names_every_batch_it_holds(home: Path) -> None:
    _, engine = open_log(home)
    with engine.connect() as connection:
        digests = connection.execute(select(schema.batches.c.previous_digest, schema.batches.c.digest)).all()
    assert digests[0][0] == bytes(32) and digests[1][0] == digests[0][1]
