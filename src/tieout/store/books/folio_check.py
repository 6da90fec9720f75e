"""The folios held against the rows that are there, and against each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.exc import DBAPIError

from tieout.ports.events import LogFinding
from tieout.ports.folios import FolioHead
from tieout.store.books.folios import (
    Added,
    Row,
    added_of,
    chained,
    chained_digest,
    changed_now,
    digested,
    rows_of,
)
from tieout.store.books.schema import folio
from tieout.store.sqlite import is_sqlite

FOLIO: Final = "folio"
ROW: Final = "row"


@dataclass(slots=True)
class _Said:
    """What all folios say: the rows of each table by folio, and the last value of what changed."""

    rows: dict[str, dict[int, Added]] = field(default_factory=dict)
    values: dict[tuple[str, str | int, str], int | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Keys:
    """The first and the last of the rows that pass through."""

    table: Table
    first: str = ""
    last: str = ""

    def passing(self, rows: Iterator[tuple[int, Row]]) -> Iterator[Row]:
        columns = digested(self.table)
        key = [columns.index(column.name) for column in self.table.primary_key]
        for _, row in rows:
            self.last = " ".join(str(row[at]) for at in key)
            self.first = self.first or self.last
            yield row

    @property
    def named(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class SqlFolios:
    """The port `FolioStore`."""

    engine: Engine

    def head(self) -> FolioHead:
        last = select(folio.c.number, folio.c.digest).order_by(folio.c.number.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(last).one_or_none()
        there = row is not None and isinstance(row.number, int)
        return FolioHead(row.number, str(row.digest)) if there else FolioHead(-1, "")

    def digest(self, number: int) -> str | None:
        with self.engine.connect() as connection:
            found = connection.execute(select(folio.c.digest).where(folio.c.number == number))
            return found.scalar_one_or_none()

    def findings(self) -> Iterator[LogFinding]:
        with self.engine.connect() as connection:
            if not is_sqlite(connection):  # one view of all tables, whoever writes meanwhile
                connection.execution_options(isolation_level="REPEATABLE READ")
            said = _Said()
            yield from _of_chain(connection, said)
            for table in chained():
                try:
                    yield from _of_rows(connection, table, said.rows.get(table.name, {}))
                    yield from _of_changes(connection, table, said)
                except DBAPIError as error:  # bytes that are no text
                    yield LogFinding(ROW, table.name, f"its rows cannot be read: {error.orig}")


def _of_chain(connection: Connection, said: _Said) -> Iterator[LogFinding]:
    """Numbers without a gap, each digest over the one before; fills `said`."""
    expected, previous = 0, ""
    for number, contents, digest in connection.execute(select(folio).order_by(folio.c.number)):
        if not isinstance(number, int):
            yield LogFinding(FOLIO, str(number), "it has no number")
            continue
        if number != expected:
            yield LogFinding(FOLIO, str(expected), f"it is missing: {number} follows on {expected - 1}")
        elif chained_digest(number, previous, contents) != digest:
            yield LogFinding(FOLIO, str(number), "its digest is not that of what it says and of those before")
        try:
            _read(number, contents, said)
        except (ValueError, KeyError, TypeError) as error:
            yield LogFinding(FOLIO, str(number), f"it cannot be read: {type(error).__name__}: {error}")
        expected, previous = number + 1, digest
    if not expected:
        yield LogFinding(FOLIO, "0", "there are none, and every home has the first")


def _read(number: int, contents: str, said: _Said) -> None:
    found = json.loads(contents)
    for table, key, column, value in found["changes"]:
        said.values[table, key, column] = value
    for table, (count, digest) in found["rows"].items():
        said.rows.setdefault(table, {})[number] = Added(count, digest)


def _of_rows(connection: Connection, table: Table, said: dict[int, Added]) -> Iterator[LogFinding]:
    left = dict(said)
    for number, rows in groupby(rows_of(connection, table), key=itemgetter(0)):
        keys = _Keys(table)
        there = added_of(keys.passing(rows))
        wanted = left.pop(number, None)
        if there != wanted:
            where = f"{table.name} {keys.named}"
            yield LogFinding(ROW, where, f"{_told(number, wanted)}; {_rows(there)}")
    for number, wanted in left.items():
        yield LogFinding(ROW, table.name, f"{_told(number, wanted)}; none is there now")


def _told(number: int, wanted: Added | None) -> str:
    if wanted is None:
        return f"folio {number} added no row"
    return f"folio {number} added {_counted(wanted)} with digest {wanted.digest}"


def _rows(there: Added) -> str:
    verb = "is" if there.count == 1 else "are"
    return f"{_counted(there)} with digest {there.digest} {verb} there now"


def _counted(added: Added) -> str:
    return "1 row" if added.count == 1 else f"{added.count} rows"


def _of_changes(connection: Connection, table: Table, said: _Said) -> Iterator[LogFinding]:
    """What may change stands as it was last changed."""
    for now in changed_now(connection, table):
        wanted = said.values.get((table.name, now.key, now.column))
        if now.value != wanted:
            detail = f"{now.column} is {now.value}, and {wanted} by the folios"
            yield LogFinding(ROW, f"{table.name} {now.key}", detail)
