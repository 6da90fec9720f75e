"""Folios: what one transaction wrote into the books, numbered, digested and chained to the folio before.

Each row of a table that only grows carries the number of its folio. A folio says of each table how many rows
it added and the digest of them, and which values it changed where one may change once (a key that is revoked,
a run that ends); its own digest covers that and the digest of the folio before. Folio 0 holds the rows that
were there when folios began.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from itertools import islice
from operator import itemgetter
from typing import Final

import msgspec
from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from tieout.store.books import (
    schema_close,
    schema_dispute,
    schema_heads,
    schema_notice,
    schema_own,
    schema_readiness,
    schema_replay,
    schema_trigger,
)
from tieout.store.books.schema import FOLIO, METADATA, folio, may_change
from tieout.store.sqlite import is_sqlite

Value = str | int | bytes | None
Row = tuple[Value, ...]

FOLIOS_LOCK: Final = 0x666F6C69
"""The key of the advisory lock."""
ROWS_AT_ONCE: Final = 1_000
_HELD: Final = "tieout_folio"
_encode: Final = msgspec.json.Encoder().encode_lines


_ALSO = (
    *(schema_close, schema_dispute, schema_heads, schema_notice),
    *(schema_own, schema_readiness, schema_replay, schema_trigger),
)
"""Named, so that every table is known wherever folios are."""


@dataclass(frozen=True, slots=True)
class Added:
    """How many rows, and the SHA-256 of them in the order of their keys, in hexadecimal digits."""

    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that changed after its row was added; `key` is the row's."""

    table: str
    key: str | int
    column: str
    value: int | None


@dataclass(slots=True)
class OpenFolio:
    """That of a transaction under way."""

    number: int
    previous: str
    rows: dict[str, list[Row]] = field(default_factory=dict)
    changes: list[Changed] = field(default_factory=list)


def chained() -> tuple[Table, ...]:
    """The tables whose rows are in folios."""
    return tuple(table for table in METADATA.sorted_tables if FOLIO in table.c)


@cache
def digested(table: Table) -> tuple[str, ...]:
    """The columns that a row's digest covers, in order: all but its folio and what may change."""
    return tuple(column.name for column in table.c if column.name != FOLIO and not may_change(column))


@cache
def _key(table: Table) -> Callable[[Row], object]:
    columns = digested(table)
    return itemgetter(*(columns.index(column.name) for column in table.primary_key))


def begin(connection: Connection) -> None:
    """At the start of a write transaction: on PostgreSQL whoever is second waits, as with SQLite anyway, so
    that folios have one order and nobody holds a row while he waits for his turn."""
    connection.info.pop(_HELD, None)
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(FOLIOS_LOCK)))


def open_folio(connection: Connection) -> OpenFolio:
    """That of this transaction; the first who asks opens it."""
    held: OpenFolio | None = connection.info.get(_HELD)
    if held is None:
        last = select(folio.c.number, folio.c.digest).order_by(folio.c.number.desc()).limit(1)
        number, digest = connection.execute(last).one()
        held = connection.info[_HELD] = OpenFolio(number + 1, digest)
    return held


def take_down(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Rows that were just added, with their values in the order of `columns`; the others are null."""
    held = open_folio(connection)
    wanted = digested(table)
    if tuple(columns) != wanted:
        _note_given(connection, table, columns, rows)
        place = {name: at for at, name in enumerate(columns)}
        picks = [place.get(name) for name in wanted]
        rows = [tuple(None if at is None else row[at] for at in picks) for row in rows]
    held.rows.setdefault(table.name, []).extend(rows)


def _note_given(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """What may change, where a row comes with it."""
    for at, name in enumerate(columns):
        if may_change(table.c[name]):
            key = columns.index(next(iter(table.primary_key)).name)
            for row in rows:
                if row[at] is not None:
                    note_change(connection, table, row[key], name, row[at])


def note_change(connection: Connection, table: Table, key: str | int, column: str, value: int | None) -> None:
    """A value that may change has changed: it stands in the folio of this transaction."""
    assert may_change(table.c[column]), f"{table.name}.{column} never changes"
    open_folio(connection).changes.append(Changed(table.name, key, column, value))


def end(connection: Connection) -> None:
    """At the end of a write transaction: its folio, if it wrote anything."""
    held: OpenFolio | None = connection.info.pop(_HELD, None)
    if held is None or not (held.rows or held.changes):
        return
    added = {
        name: added_of(sorted(rows, key=_key(METADATA.tables[name]))) for name, rows in held.rows.items()
    }
    _write(connection, held.number, held.previous, contents_of(added, held.changes))


def begin_chain(connection: Connection) -> None:
    """Folio 0: the rows that are there, and what has changed of them. In the migration that brings folios."""
    there = inspect(connection)
    added: dict[str, Added] = {}
    changes: list[Changed] = []
    for table in chained():
        if not there.has_table(table.name):
            continue  # one that a later migration brings
        has = {column["name"] for column in there.get_columns(table.name)}
        if found := added_of(row for _, row in rows_of(connection, table, has)):
            added[table.name] = found
        changes += (each for each in changed_now(connection, table) if each.value is not None)
    _write(connection, 0, "", contents_of(added, changes))


def rows_of(connection: Connection, table: Table, has: set[str] | None = None) -> Iterator[tuple[int, Row]]:
    """Folio and digested values of every row, in the order of folio and key, as they lie in the database:
    nothing is read into a type that a changed value may not have. `has`: the columns that are there."""
    columns = [name for name in digested(table) if has is None or name in has]
    order = ", ".join(
        _ordered(connection, column.name, column.type.python_type) for column in table.primary_key
    )
    names = ", ".join(f'"{name}"' for name in columns)
    query = f'SELECT {FOLIO}, {names} FROM "{table.name}" ORDER BY {FOLIO}, {order}'  # noqa: S608 - no input
    for found in connection.execute(text(query), execution_options={"yield_per": ROWS_AT_ONCE}):
        yield found[0], tuple(found[1:])


def changed_now(connection: Connection, table: Table) -> Iterator[Changed]:
    """What may change, as it is."""
    for column in table.c:
        if may_change(column):
            (key,) = (each.name for each in table.primary_key)
            query = text(f'SELECT "{key}", "{column.name}" FROM "{table.name}" ORDER BY 1')  # noqa: S608
            for found, value in connection.execute(query):
                yield Changed(table.name, found, column.name, value)


def added_of(rows: Iterable[Row]) -> Added:
    """Each row is a line of JSON, a list of its values (bytes as Base64). Nulls at the end are left out: a
    column that joins later, null in old rows, changes no digest."""
    count, digest, left = 0, sha256(), iter(rows)
    while some := [_without_last_nulls(row) for row in islice(left, ROWS_AT_ONCE)]:
        count += len(some)
        digest.update(_encode(some))
    return Added(count, digest.hexdigest())


def _without_last_nulls(row: Row) -> Row:
    length = len(row)
    while length and row[length - 1] is None:
        length -= 1
    return row if length == len(row) else row[:length]


def contents_of(added: Mapping[str, Added], changes: Sequence[Changed]) -> str:
    """What a folio says, as JSON in one form."""
    said = {
        "changes": [[each.table, each.key, each.column, each.value] for each in changes],
        "rows": {name: [found.count, found.digest] for name, found in added.items() if found.count},
    }
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def chained_digest(number: int, previous: str, contents: str) -> str:
    """Of a folio: SHA-256 over its number, the digest before it and what it says."""
    return sha256(f"{number}\n{previous}\n{contents}".encode()).hexdigest()


def _write(connection: Connection, number: int, previous: str, contents: str) -> None:
    digest = chained_digest(number, previous, contents)
    connection.execute(insert(folio), {"number": number, "contents": contents, "digest": digest})


def _ordered(connection: Connection, name: str, of: type) -> str:
    """By code points in both databases, whatever the locale."""
    return f'"{name}" COLLATE "C"' if of is str and not is_sqlite(connection) else f'"{name}"'
