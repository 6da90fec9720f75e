"""What is damaged is named in one line, with exit code 6: no stack trace, and no advice that does harm."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.small_home import ingest, january, make_home
from tests.surface.conftest import in_process
from tieout.store.failure import StoreUnusable, storage_failure
from tieout.store.sqlite import open_engine

READING_SEGMENTS = (
    ("usage", "acme", "--at", "2026-01-20T00:00:00Z"),
    ("close", "--as-of", "2026-03-03T00:00:00Z"),
    ("close", "--as-of", "2026-03-03T00:00:00Z", "--dry-run"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home whose events are all in segments."""
    place = tmp_path / "home"
    home, _ = make_home(place)
    with home:
        ingest(home, january())
        assert home.log.compact(rows_min=1) == 1
    return place


def is_one_line_and_6(folder: Path, *verb: str) -> str:
    ran = in_process(*verb, "--home", str(folder))
    assert ran.code == 6, (ran.out, ran.err)
    assert ran.err.startswith("tieout: ")
    assert len(ran.err.strip().splitlines()) == 1
    return ran.err


@pytest.mark.parametrize("verb", READING_SEGMENTS, ids=" ".join)
@pytest.mark.parametrize("damage", ["gone", "cut short", "flipped in the middle"])
def test_a_segment_that_cannot_be_read_is_6_and_named(
    folder: Path, verb: tuple[str, ...], damage: str
) -> None:
    (segment,) = folder.glob("segments/**/*.parquet")
    content = segment.read_bytes()
    if damage == "gone":
        segment.unlink()
    elif damage == "cut short":
        segment.write_bytes(content[:100])
    else:
        footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        segment.write_bytes(content[:footer] + bytes(64) + content[footer + 64 :])
    assert segment.name in is_one_line_and_6(folder, *verb)


def in_log(folder: Path, *statements: str) -> None:
    with closing(pysqlite3.connect(folder / "log.db")) as log:
        for (trigger,) in log.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            log.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            log.execute(statement)
        log.commit()


@pytest.mark.parametrize("file", ["books.db", "log.db"])
def test_a_database_that_is_none_is_6(folder: Path, file: str) -> None:
    (folder / file).write_bytes(b"garbage " * 4096)
    assert "not a database" in is_one_line_and_6(folder, "verify")


def test_a_page_overwritten_is_6(folder: Path) -> None:
    with closing(pysqlite3.connect(folder / "log.db")) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = log.execute("SELECT rootpage FROM sqlite_master WHERE name = 'head'").fetchone()
        (size,) = log.execute("PRAGMA page_size").fetchone()
    content = (folder / "log.db").read_bytes()
    start = (page - 1) * size
    (folder / "log.db").write_bytes(content[:start] + b"\xff" * size + content[start + size :])
    assert "malformed" in is_one_line_and_6(folder, "doctor")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM head",
        "DELETE FROM meta WHERE name = 'home_id'",
        "UPDATE meta SET name = 'name' WHERE name = 'home_id'",
        "UPDATE meta SET name = 'name' WHERE name = 'identity_secret'",
        "DROP TABLE meta",
    ],
)
@pytest.mark.parametrize("verb", ["verify", "doctor", "close"])
def test_a_log_that_lost_what_every_log_has_is_6_and_never_told_to_init(
    folder: Path, statement: str, verb: str
) -> None:
    in_log(folder, statement)
    said = is_one_line_and_6(folder, verb)
    assert "damaged" in said
    assert "init" not in said


def test_a_database_that_cannot_be_written_is_not_called_full(folder: Path) -> None:
    engine = open_engine(folder / "log.db", schema="log")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA query_only = 1"))
        with pytest.raises(OperationalError) as failure:
            connection.execute(text("CREATE TABLE other (name TEXT)"))
    engine.dispose()
    refusal = storage_failure(failure.value)
    assert isinstance(refusal, StoreUnusable)
    assert refusal.exit_code == 5
    assert "permissions" in str(refusal)
    assert "full" not in str(refusal)
