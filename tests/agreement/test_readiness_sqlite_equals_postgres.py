"""Readiness on both databases: one story, one review; levels and what people sign are only added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.ready_home import make_ready_home
from tests.replay_sets import gate_result
from tieout.cli.readiness_shown import review_json
from tieout.flows.readiness import set_level
from tieout.flows.replay_results import keep_result
from tieout.ports.readiness import LevelChanged
from tieout.readiness.item import ItemKey
from tieout.readiness.level import Level
from tieout.store.sqlite import begin_immediate

DIGESTS = ("evidence_digest", "key_id", "digest")


def told(folder: Path) -> object:
    made = make_ready_home(folder / "home")
    with made.home as home:
        set_level(home, Level.NARROW, ("acme", "birch"), person="Dana", reason="launch")
        made.run()
        made.sign_off(ItemKey.EVENT, ItemKey.BACKFILL)
        store = home.books.readiness
        first = store.levels()[0]
        with pytest.raises(LevelChanged):
            store.set_level(first)
        document = store.documents()[0]
        assert store.add(document) == document
        assert store.level() == first
        engine = store.engine  # type: ignore[attr-defined] # the store's own
        kept = [keep_result(home, replace(gate_result(home), differences=each)).number for each in (2, 0, 2)]
        assert kept == [1, 2, 1], "the same text again changes nothing"
        assert [each.number for each in home.books.replay_results.all()] == [1, 2]
        for table, column in (
            ("readiness_level", "person"),
            ("readiness_document", "person"),
            ("replay_result", "document"),
        ):
            for act in (f"UPDATE {table} SET {column} = 'X'", f"DELETE FROM {table}"):
                with pytest.raises(DBAPIError, match="final"), begin_immediate(engine) as connection:
                    connection.execute(text(act))
        return comparable(review_json(made.review))


def comparable(value: object) -> object:
    """Keys are made anew in each home, and digests follow from them."""
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items() if name not in DIGESTS}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    return value.split(", d")[0] if isinstance(value, str) and "document" in value else value


def test_one_story_on_both(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert told(tmp_path / "postgres") == on_sqlite
