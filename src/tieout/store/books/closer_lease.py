"""The closer's lease lies where the books lie: beside SQLite's file as a lock on a file, in PostgreSQL as a
lock of a session, so that it holds between machines. No clock has a part in it (decision 0043).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from tieout.ports.leases import Lease
from tieout.store.books.writing import BooksUnavailable
from tieout.store.files import leased
from tieout.store.sqlite import is_sqlite

CLOSER_LOCK_NAME: Final = "closer.lock"
CLOSER_LOCK: Final = {"family": 0x7469_656F, "member": 1}
"""The two numbers of the advisory lock; other locks of the books have one number, which is another space."""
SESSION: Final = {
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
}
"""The lock's session is idle on purpose. Where a machine is gone without a word, the server ends its session
after half a minute, not after two hours."""

_SET = text("SELECT set_config(:name, :value, false)")
_TAKE = text("SELECT pg_try_advisory_lock(:family, :member)")
_HELD = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND pid = pg_backend_pid()"
    " AND classid = :family AND objid = :member AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextmanager
def closer_lease(engine: Engine, folder: Path) -> Iterator[Lease | None]:
    """None where another process has it. Raises `BooksUnavailable` where the server cannot be asked."""
    if is_sqlite(engine):
        with leased(folder / CLOSER_LOCK_NAME) as ours:
            yield FileLease() if ours else None
        return
    connection = _session(engine)
    try:
        yield SessionLease(connection) if _took(connection) else None
    finally:
        connection.close()  # the session was taken out of the pool, so this ends it, and its lock


@dataclass(frozen=True, slots=True)
class FileLease:
    """The lock of an open file: the operating system takes it back when the process ends, and not before."""

    def is_held(self) -> bool:
        return True


@dataclass(slots=True)
class SessionLease:
    """The lock of a session that nobody else uses: it is held as long as the session lives."""

    connection: Connection
    lost: bool = False

    def is_held(self) -> bool:
        if not self.lost:
            try:
                self.lost = self.connection.execute(_HELD, CLOSER_LOCK).scalar_one() != 1
            except DBAPIError:
                self.lost = True
        return not self.lost


def _session(engine: Engine) -> Connection:
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        names = connection.execute(text("SELECT name FROM pg_settings")).scalars().all()
        for name, value in SESSION.items():
            if name in names:  # some came with later versions of PostgreSQL
                connection.execute(_SET, {"name": name, "value": value})
    except (OperationalError, InterfaceError) as error:
        raise BooksUnavailable(str(error.orig)) from error
    return connection


def _took(connection: Connection) -> bool:
    try:
        return bool(connection.execute(_TAKE, CLOSER_LOCK).scalar_one())
    except (OperationalError, InterfaceError) as error:
        raise BooksUnavailable(str(error.orig)) from error
