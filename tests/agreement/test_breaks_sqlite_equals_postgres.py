"""Breaks of the cycle and the log's own tie are the same on SQLite and on PostgreSQL, and as final."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tests.unit.flows.test_cycle_ties import breaks_of, state
from tieout.flows.waivers import propose_waiver, waivers
from tieout.store.sqlite import begin_immediate, open_engine


def told(folder: Path) -> list[object]:
    home, _ = make_home(folder, now=FEBRUARY_3)
    events = january(5)
    with home:
        ingest(home, [*events, events[3], events[1] | {"id": "bad", "time": "never"}])
        ingest(home, [events[2] | {"data": {"tokens": 1}}, events[4]], "again.ndjson")
        state(home, 17)
        found = breaks_of(home)
        proposed = propose_waiver(home, "gateway", "jan", by="Dana", reason="lost").proposed
        assert [each.proposed for each in waivers(home)] == [proposed]
        kept = [(each.customer, each.found) for each in home.books.breaks.open()]
        assert home.books.breaks.of("acme")
    return [found, kept, proposed.statement]


def test_both_databases_find_and_keep_the_same_breaks(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    assert len(on_sqlite[0]) == 1  # type: ignore[arg-type]
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert told(tmp_path / "postgres") == on_sqlite
    engine = open_engine(postgres_url, schema="books")
    for table in ("close_break", "waiver"):
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()
