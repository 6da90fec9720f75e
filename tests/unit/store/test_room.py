"""What deletes free is given back to the file system."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from tieout.store.sqlite import PAGE_BYTES, begin_immediate, give_room_back, open_engine

PAGES_FREE = text("PRAGMA freelist_count")


def test_room_is_given_back_after_deletes(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "log.db", schema="log")
    with begin_immediate(engine) as connection:
        connection.execute(text("CREATE TABLE bulk (content BLOB)"))
        connection.execute(text("INSERT INTO bulk VALUES (zeroblob(1000000))"))
    with begin_immediate(engine) as connection:
        connection.execute(text("DELETE FROM bulk"))
        assert connection.execute(PAGES_FREE).scalar_one() > 1_000_000 // PAGE_BYTES["log"] - 20
    give_room_back(engine)
    with engine.connect() as connection:
        assert connection.execute(PAGES_FREE).scalar_one() == 0
