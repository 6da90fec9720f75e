"""Write transactions of the books; what keeps the database from writing (disk full, locked, gone) is
`Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, Engine, Table, insert
from sqlalchemy.exc import InterfaceError, OperationalError

from tieout.kernel.errors import Unavailable
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
    """One write transaction; commits at the end. Every write to the books passes here, and can be killed
    here. Raises `BooksUnavailable`, of which `ConnectionLost`."""
    try:
        with begin_immediate(engine) as connection:
            yield connection
            crash_point("books-before-commit")
    except (OperationalError, InterfaceError) as error:
        refusal = ConnectionLost if error.connection_invalidated else BooksUnavailable
        raise refusal(str(error.orig)) from error
    crash_point("books-after-commit")


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, str | int | bytes | None]]
) -> None:
    """Inserts rows that all name the same columns in the same order.

    A close writes millions: with SQLite they go to the driver as they are, for half the time.
    """
    if is_sqlite(connection):
        statement = _insert_text(table.name, tuple(rows[0]))
        connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])
    else:
        connection.execute(insert(table), rows)


@cache
def _insert_text(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608 - no input
