"""Whoever drops the triggers and changes one value of one row of the books is found, whatever the table.

Each column of each table is changed in turn, and each table loses a row and gets one. Tables without rows in
the home get one by the very function that all stores add rows with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pysqlite3
import pytest
from sqlalchemy import Column, Engine, Integer, LargeBinary, Table, create_engine, inspect, select
from sqlalchemy.pool import StaticPool

from tests.disputes import disputed_home, opened
from tests.tampered import chained_anew, without_triggers
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.policy import revoke_key
from tieout.flows.readiness import set_level
from tieout.flows.verify_books import verify_books
from tieout.kernel.instant import parse_instant
from tieout.readiness.level import Level
from tieout.store.books.folio_check import SqlFolios
from tieout.store.books.folios import chained
from tieout.store.books.schema import FOLIO, METADATA
from tieout.store.books.writing import insert_rows, writing
from tieout.store.sqlite import open_engine

NOT_IN_FOLIOS: Final = {
    "folio": "the chain itself; each of its columns is changed below",
    "schema_version": "names the migration; another one is refused at the next opening, or migrated again",
    "number_series": "a counter beside the invoices; `verify` holds it to them (series), below",
    "notice_outbox": "work: a row goes when its notice is routed; notice and messages are what stays",
    "notice_message": "work: state, claim and due time move until it is sent; notice, part and attempt stay",
    "notice_escalation": "work: a row goes when it is done or needless",
    "trigger_cursor": "moves with every look; set back, crossings are found again under their ids, set "
    "forward it keeps what lies between from being told: decision 0056 says so",
}


def value_for(column: Column[object]) -> str | int | bytes:
    if isinstance(column.type, Integer):
        return 7
    return b"seven" if isinstance(column.type, LargeBinary) else f"a {column.name}"


def other(value: object, column: Column[object]) -> str | int | bytes:
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return value + b"x"
    return value + "x" if isinstance(value, str) else value_for(column)


@dataclass(frozen=True)
class Books:
    """One connection, by which rows are changed and what the folios find is asked, in one transaction."""

    file: pysqlite3.Connection
    engine: Engine

    def changed(self, statement: str, values: Sequence[object]) -> list[str] | None:
        """What is found once it ran; None where the database refuses it. Undone again."""
        self.file.execute("BEGIN")
        try:
            assert self.file.execute(statement, values).rowcount == 1
        except pysqlite3.IntegrityError:
            self.file.execute("ROLLBACK")
            return None
        found = self.found()
        if self.file.in_transaction:
            self.file.execute("ROLLBACK")
        return found

    def found(self) -> list[str]:
        return [f"{each.what} {each.where}" for each in SqlFolios(self.engine).findings()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("tampered") / "home"
    made, clock = disputed_home(folder, per_customer=5)
    opened(made, amount="1.00")
    clock.set_to(parse_instant("2026-03-03T00:00:00Z"))
    close(made, as_of=clock.now())
    set_level(made, Level.NARROW, ("acme",), person="Ada", reason="we begin")
    revoke_key(made, made.books.signatures.signing_keys()[0].key_id)
    assert verify_books(made).findings == ()
    without_triggers(folder / "books.db")
    yield made
    made.close()


@pytest.fixture(scope="module")
def alone(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A copy of the books with a row in every table, and nobody else at it."""
    copy = tmp_path_factory.mktemp("alone") / "books.db"
    with closing(pysqlite3.connect(home.folder / "books.db")) as books:
        books.execute("VACUUM INTO ?", (str(copy),))
    engine = open_engine(copy, schema="books")
    with closing(engine.raw_connection()) as raw:
        raw.cursor().execute("PRAGMA foreign_keys = OFF")
    for table in chained():
        with writing(engine) as connection:
            if connection.execute(select(table).limit(1)).first() is None:
                columns = [column for column in table.c if column.name != FOLIO]
                insert_rows(connection, table, [{each.name: value_for(each) for each in columns}])
    engine.dispose()
    with closing(pysqlite3.connect(copy, isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = OFF")
        one = create_engine("sqlite://", module=pysqlite3, poolclass=StaticPool, creator=lambda: file)
        books = Books(file, one)
        assert books.found() == []
        yield books


def keyed(table: Table) -> str:
    return " AND ".join(f'"{column.name}" = ?' for column in table.primary_key)


def test_every_table_is_in_folios_or_says_why_not(home: Home) -> None:
    engine = open_engine(home.folder / "books.db", schema="books")
    there = {each for each in inspect(engine).get_table_names() if not each.startswith("sqlite_")}
    assert there == {table.name for table in chained()} | NOT_IN_FOLIOS.keys()
    assert not {table.name for table in chained()} & NOT_IN_FOLIOS.keys()


@pytest.mark.parametrize("name", [table.name for table in (*chained(), METADATA.tables["folio"])])
def test_any_changed_value_is_found(alone: Books, name: str) -> None:
    table = METADATA.tables[name]
    keys = [column.name for column in table.primary_key]
    names = ", ".join(f'"{key}"' for key in keys)
    key = alone.file.execute(f'SELECT {names} FROM "{name}" ORDER BY {names} DESC').fetchone()
    missed = []
    for column in table.c:
        read = f'SELECT "{column.name}" FROM "{name}" WHERE {keyed(table)}'
        (value,) = alone.file.execute(read, key).fetchone()
        for change in {other(value, column), "", b"\xff", None} - {value}:
            write = f'UPDATE "{name}" SET "{column.name}" = ? WHERE {keyed(table)}'
            if alone.changed(write, (change, *key)) == []:
                missed.append((column.name, change))
    assert not missed


@pytest.mark.parametrize("name", [table.name for table in (*chained(), METADATA.tables["folio"])])
def test_a_row_that_is_gone_or_new_is_found(alone: Books, name: str) -> None:
    table = METADATA.tables[name]
    keys = ", ".join(f'"{column.name}" DESC' for column in table.primary_key)
    columns = [column.name for column in table.c]
    row = alone.file.execute(
        f'SELECT {", ".join(map(_quoted, columns))} FROM "{name}" ORDER BY {keys}'
    ).fetchone()
    of_row = dict(zip(columns, row, strict=True))
    key = [of_row[column.name] for column in table.primary_key]
    assert alone.changed(f'DELETE FROM "{name}" WHERE {keyed(table)}', key)
    unique = {column.name for column in table.c if column.unique or column.primary_key}
    unique |= {each.name for index in table.indexes if index.unique for each in index.columns}
    unique |= {each.name for rule in table.constraints for each in getattr(rule, "columns", ())}
    new = {
        column.name: other(of_row[column.name], column) if column.name in unique else of_row[column.name]
        for column in table.c
    }
    of_its_own = {"number": 1_000_000} if name == "folio" else {}
    for folio in (0, of_row.get(FOLIO, 0), 1_000_000):
        added = new | (of_its_own or {FOLIO: folio})
        marks = ", ".join("?" * len(added))
        insert = f'INSERT INTO "{name}" ({", ".join(map(_quoted, added))}) VALUES ({marks})'
        assert alone.changed(insert, [*added.values()]), folio


def _quoted(name: str) -> str:
    return f'"{name}"'


def test_verify_finds_any_changed_value_of_a_home_in_use(home: Home) -> None:
    """The whole flow, on rows that a home made itself: nothing is missed, and no changed row keeps `verify`
    from its end."""
    missed, looked = [], set()
    with closing(pysqlite3.connect(home.folder / "books.db", isolation_level=None)) as books:
        books.execute("PRAGMA foreign_keys = OFF")
        for table in (*chained(), METADATA.tables["number_series"]):
            where = keyed(table)
            names = ", ".join(_quoted(column.name) for column in table.primary_key)
            key = books.execute(f'SELECT {names} FROM "{table.name}" ORDER BY {names} DESC').fetchone()
            if key is None:
                continue
            looked.add(table.name)
            for column in table.c:
                read = f'SELECT "{column.name}" FROM "{table.name}" WHERE {where}'
                (value,) = books.execute(read, key).fetchone()
                change = other(value, column)
                write = f'UPDATE "{table.name}" SET "{column.name}" = ? WHERE {where}'
                after = [
                    change if each.name == column.name else at
                    for each, at in zip(table.primary_key, key, strict=True)
                ]
                books.execute(write, (change, *key))
                if not verify_books(home).findings:
                    missed.append(f"{table.name}.{column.name}")
                books.execute(write, (value, *after))
    assert not missed
    assert looked >= {
        *("readiness_level", "dispute_owners", "dispute_event", "log_head", "log_head_signature"),
        *(
            "signature",
            "signing_key",
            "close_run",
            "close_outcome",
            "invoice",
            "snapshot",
            "charge",
            "posting",
        ),
    }
    assert verify_books(home).findings == ()


def test_a_chain_that_is_written_anew_is_told_only_by_a_folio_that_was_noted(
    home: Home, tmp_path: Path
) -> None:
    """What folios do not protect against, and what does."""
    with closing(pysqlite3.connect(home.folder / "books.db")) as books:
        books.execute("VACUUM INTO ?", (str(tmp_path / "books.db"),))
    noted = home.books.folios.head()
    with closing(pysqlite3.connect(tmp_path / "books.db")) as books:
        books.execute("UPDATE readiness_level SET person = 'Eve'")
        books.commit()
    engine = open_engine(tmp_path / "books.db", schema="books")
    assert [each.where for each in SqlFolios(engine).findings()] == ["readiness_level 1"]
    chained_anew(tmp_path / "books.db")
    assert list(SqlFolios(engine).findings()) == []
    assert SqlFolios(engine).digest(noted.number) != noted.digest
    engine.dispose()
