"""Folios of the books: what a transaction writes, what one that fails leaves, and what a migration makes."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Thread

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, select, text

from tieout.store import migrate
from tieout.store.books import writing as writing_module
from tieout.store.books.closes import SqlCloses
from tieout.store.books.folio_check import SqlFolios
from tieout.store.books.folios import Added, added_of, chained
from tieout.store.books.schema import close_outcome, folio
from tieout.store.books.schema_readiness import readiness_level
from tieout.store.books.writing import insert_rows, writing
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import is_sqlite, open_engine

OUTCOME = {
    **{"close_run": 1, "customer": "acme", "period_start": None, "period_end": None},
    **{"outcome": "parked", "reason": "r", "next_action": "n", "invoice": None},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return open_engine(url or tmp_path / "books.db", schema="books")


@pytest.fixture
def books(engine: Engine) -> Engine:
    prepare_schema(engine, schema="books", place="here")
    return engine


def contents(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(folio.c.contents).order_by(folio.c.number)).scalars())


def level(seq: int, person: str = "Ada") -> dict[str, str | int]:
    return {
        **{"seq": seq, "level": "narrow", "accounts": '["älv"]', "person": person},
        **{"reason": "launch", "recorded_at": 1_772_496_000_000_000},
    }


def test_a_transaction_has_one_folio_of_all_that_it_wrote_the_same_on_both_databases(books: Engine) -> None:
    closes = SqlCloses(books, Path())
    run = closes.start(as_of=1, cutoff=2, cutoff_at=3)  # type: ignore[arg-type]
    with writing(books) as connection:
        insert_rows(connection, readiness_level, [level(2), level(1)])
        insert_rows(connection, close_outcome, [OUTCOME])
        insert_rows(connection, close_outcome, [OUTCOME | {"customer": "birch"}])
    closes.end(run, at=9)  # type: ignore[arg-type]
    begun, started, written, ended = contents(books)
    assert begun == '{"changes":[],"rows":{}}'
    assert started == f'{{"changes":[],"rows":{{"close_run":[1,"{added_of([(1, 1, 2, 3)]).digest}"]}}}}'
    outcomes = added_of(
        (number, 1, customer, None, None, "parked", "r", "n")
        for number, customer in ((1, "acme"), (2, "birch"))
    )
    levels = added_of((seq, "narrow", '["älv"]', "Ada", "launch", 1_772_496_000_000_000) for seq in (1, 2))
    rows = f'"close_outcome":[2,"{outcomes.digest}"],"readiness_level":[2,"{levels.digest}"]'
    assert written == f'{{"changes":[],"rows":{{{rows}}}}}'
    assert ended == '{"changes":[["close_run",1,"ended_at",9]],"rows":{}}'
    assert list(SqlFolios(books).findings()) == []


def test_a_row_is_digested_as_json_without_its_last_nulls() -> None:
    """By hand, that of `["a",null,7]` and the end of a line; and so in the definition, line by line."""
    assert added_of([("a", None, 7, None, None)]) == added_of([("a", None, 7)])
    rows = [("å\n\u2028", -number, f"{number}", None) for number in range(2_500)]
    lines = (json.dumps(row[:3], ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    assert added_of(rows) == Added(2_500, sha256("".join(lines).encode()).hexdigest())
    assert added_of([("a", None, 7)]).digest == (
        "5d6254f29016001252400266f8d2370a00d9611389ce5debbb15ee61f438ca45"
    )


def test_what_was_undone_or_wrote_nothing_has_no_folio(books: Engine) -> None:
    with pytest.raises(RuntimeError), writing(books) as connection:
        insert_rows(connection, readiness_level, [level(1)])
        raise RuntimeError
    with writing(books) as connection:
        connection.execute(select(readiness_level))
    assert len(contents(books)) == 1
    with writing(books) as connection:
        insert_rows(connection, readiness_level, [level(1)])
    assert len(contents(books)) == 2
    assert list(SqlFolios(books).findings()) == []


def test_writers_at_once_have_folios_one_after_the_other(books: Engine) -> None:
    together = Barrier(4)

    def write(first: int) -> None:
        together.wait()
        for seq in range(first, first + 5):
            with writing(books) as connection:
                insert_rows(connection, readiness_level, [level(seq)])

    writers = [Thread(target=write, args=(number * 10,)) for number in range(1, 5)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert SqlFolios(books).head().number == 20
    assert list(SqlFolios(books).findings()) == []


@pytest.mark.usefixtures("real_migrations")
def test_rows_from_before_folios_are_in_the_first(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = command.upgrade

    def to_the_revision_before(config: Config, _head: str) -> None:
        upgrade(config, "books_0012")

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", to_the_revision_before)
        patched.setattr(migrate, "revisions", lambda _: ("books_0012",))
        prepare_schema(engine, schema="books", place="here")
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO close_run (id, as_of, cutoff, cutoff_at, ended_at) VALUES (1, 1, 1, 1, 5)",
            "INSERT INTO close_run (id, as_of, cutoff, cutoff_at, ended_at) VALUES (2, 1, 1, 1, NULL)",
            "INSERT INTO readiness_level VALUES (1, 'narrow', '[]', 'Ada', 'launch', 7)",
            "INSERT INTO readiness_level VALUES (2, 'wide', '[]', 'Ada', 'launch', 8)",
        ):
            connection.execute(text(statement))
    prepare_schema(engine, schema="books", place="here")
    assert list(SqlFolios(engine).findings()) == []
    (first,) = contents(engine)
    assert '[["close_run",1,"ended_at",5]]' in first and '"readiness_level":[2,' in first
    with writing(engine) as connection:
        insert_rows(connection, readiness_level, [level(3)])
    assert list(SqlFolios(engine).findings()) == []
    _changed(engine, "readiness_level", "UPDATE readiness_level SET person = 'Eve' WHERE seq = 1")
    (found,) = SqlFolios(engine).findings()
    assert (found.what, found.where) == ("row", "readiness_level 1 to 2")
    assert found.detail.startswith("folio 0 added 2 rows with digest ")


def _changed(engine: Engine, table: str, statement: str) -> None:
    with engine.begin() as connection:
        if is_sqlite(engine):
            connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        else:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


def test_a_row_that_was_added_past_the_folios_is_found(books: Engine) -> None:
    columns = "seq, level, accounts, person, reason, recorded_at"
    with books.begin() as connection:
        connection.execute(
            text(f"INSERT INTO readiness_level ({columns}) VALUES (1, 'wide', '[]', 'Eve', 'x', 7)")
        )
    (found,) = SqlFolios(books).findings()
    assert (found.where, found.detail[:22]) == ("readiness_level 1", "folio 0 added no row; ")


def test_no_store_adds_a_row_past_the_folios() -> None:
    names = {table.name for table in chained()}
    added = {
        f"{file.name}: {name}"
        for file in Path(writing_module.__file__).parent.glob("*.py")
        for name in re.findall(r"\binsert\((\w+)\)", file.read_text())
        if name in names
    }
    assert not added, "rows of these are added by `insert_rows`"
    changed = {
        f"{file.name}: {name}"
        for file in Path(writing_module.__file__).parent.glob("*.py")
        for name in re.findall(r"\bupdate\((\w+)\)", file.read_text())
        if name in names and "note_change(" not in file.read_text()
    }
    assert not changed, "what changes in these is noted by `note_change`"
