"""Write transactions of the books; what keeps the database from writing (disk full, locked, gone) is
`Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from tieout.kernel.errors import Unavailable
from tieout.store.sqlite import begin_immediate


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
    """One write transaction; commits at the end. Raises `BooksUnavailable`, of which `ConnectionLost`."""
    try:
        with begin_immediate(engine) as connection:
            yield connection
    except (OperationalError, InterfaceError) as error:
        refusal = ConnectionLost if error.connection_invalidated else BooksUnavailable
        raise refusal(str(error.orig)) from error
