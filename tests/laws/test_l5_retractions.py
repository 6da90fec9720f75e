"""Law L5 on retractions: whoever changes one, or takes it away, is found out; so is the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.logs import event, ndjson, open_log, send
from tieout.store.sqlite import begin_immediate

RETRACTION = {
    **event("tieout.retraction:1", time="2026-02-20T00:00:00Z"),
    "type": "tieout.retraction",
    "data": {"target_id": "a", "reason": "sent twice", "by": "Dana"},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    log, engine = open_log(tmp_path / "home")
    send(log, ndjson([event("a"), event("b")]), ndjson([RETRACTION]))
    engine.dispose()
    return tmp_path / "home"


def test_every_flipped_byte_of_a_retraction_in_its_body_is_found(home: Path) -> None:
    log, engine = open_log(home)
    with engine.connect() as connection:
        body = connection.execute(
            text("SELECT body FROM bodies WHERE type = 'tieout.retraction'")
        ).scalar_one()
    for place in range(0, len(body), max(1, len(body) // 80)):
        write(engine, body[:place] + bytes([body[place] ^ 64]) + body[place + 1 :])
        findings = log.verify().findings
        assert any("batch 2" in finding.where for finding in findings), place
    write(engine, body)
    assert log.verify().findings == ()


def write(engine, body: bytes) -> None:  # type: ignore[no-untyped-def]
    with begin_immediate(engine) as connection:
        statement = text("UPDATE bodies SET body = :body WHERE type = 'tieout.retraction'")
        connection.execute(statement, {"body": body})


def test_every_flipped_byte_of_a_retraction_in_its_segment_is_found_and_named(home: Path) -> None:
    log, _ = open_log(home)
    assert log.compact(rows_min=1) == 2
    (path,) = (home / "segments" / "tieout.retraction").rglob("*.parquet")
    content = path.read_bytes()
    for place in range(0, len(content), 41):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert any(path.name in finding.where for finding in log.verify().findings), place
    path.write_bytes(content)
    assert log.verify().findings == ()


@pytest.mark.parametrize("compacted", [False, True])
def test_a_retraction_that_was_taken_away_is_missed(home: Path, compacted: bool) -> None:
    log, engine = open_log(home)
    if compacted:
        log.compact(rows_min=1)
    with begin_immediate(engine) as connection:
        for table in ("bodies", "segments"):
            connection.execute(text(f"DELETE FROM {table} WHERE type = 'tieout.retraction'"))
    assert any("batch 2" in finding.where for finding in log.verify().findings)
