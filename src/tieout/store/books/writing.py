"""Write transactions of the books; what keeps the database from writing (disk full, locked, gone) is
`Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, Engine, Integer, Table, func, insert, select
from sqlalchemy.exc import InterfaceError, OperationalError

from tieout.kernel.errors import Unavailable
from tieout.store.books import folios
from tieout.store.books.schema import FOLIO
from tieout.store.crash import crash_point
from tieout.store.sqlite import begin_immediate, is_sqlite


class BooksUnavailable(Unavailable):
    """Nothing of this transaction was written, or its outcome is unknown and a retry finds out."""

    code = "books-unavailable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The books cannot be written now: {why}. Nothing half-written remains; run it again."
        )


class ConnectionLost(BooksUnavailable):
    """The connection broke: the transaction was undone, unless it broke at the COMMIT itself."""

    code = "books-connection-lost"


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction; commits at the end, with the folio of what it wrote. Every write to the books
    passes here, and can be killed here. Raises `BooksUnavailable`, of which `ConnectionLost`."""
    try:
        with begin_immediate(engine) as connection:
            folios.begin(connection)
            yield connection
            folios.end(connection)
            crash_point("books-before-commit")
    except (OperationalError, InterfaceError) as error:
        refusal = ConnectionLost if error.connection_invalidated else BooksUnavailable
        raise refusal(str(error.orig)) from error
    crash_point("books-after-commit")


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, str | int | bytes | None]]
) -> None:
    """Inserts rows that all name the same columns in the same order, into a table whose rows are only added,
    and takes them down in the transaction's folio. An integer key that they leave out goes on from the last.
    """
    insert_laid_out(connection, table, tuple(rows[0]), [tuple(row.values()) for row in rows])


def insert_numbered(connection: Connection, table: Table, row: Mapping[str, str | int | bytes | None]) -> int:
    """One row, whose integer key goes on from the last; that key."""
    insert_rows(connection, table, [row])
    return _last_key(connection, table)


def insert_laid_out(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str | int | bytes | None, ...]],
) -> None:
    """The same with the values in the order of `columns`.

    A close writes millions: with SQLite they go to the driver as they are, for half the time.
    """
    number = folios.open_folio(connection).number
    key = _numbering_key(table)
    if key is not None and key not in columns:
        last = _last_key(connection, table)
        columns = (key, *columns)
        rows = [(at, *row) for at, row in enumerate(rows, start=last + 1)]
    named = (*columns, FOLIO)
    written = [(*row, number) for row in rows]
    if is_sqlite(connection):
        connection.exec_driver_sql(_insert_text(table.name, named), written)
    else:
        connection.execute(insert(table), [dict(zip(named, row, strict=True)) for row in written])
    folios.take_down(connection, table, columns, rows)


def _numbering_key(table: Table) -> str | None:
    """The key of a table whose rows are numbered in the order in which they are added."""
    keys = tuple(table.primary_key)
    counted = len(keys) == 1 and isinstance(keys[0].type, Integer) and keys[0].autoincrement is not False
    return keys[0].name if counted else None


def _last_key(connection: Connection, table: Table) -> int:
    (key,) = table.primary_key
    return int(connection.execute(select(func.coalesce(func.max(key), 0))).scalar_one())


@cache
def _insert_text(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608 - no input
