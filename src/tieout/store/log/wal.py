"""The write-ahead log of the log's SQLite file: how long it is, and keeping it short off the commit path.

Writers checkpoint by themselves only when it is long (`sqlite.WAL_AUTOCHECKPOINT_BYTES`); a keeper does it
every moment, so that no commit has to. PostgreSQL sees to its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tieout.store.failure import is_io_failure, storage_failure
from tieout.store.log.turn import turn_lock
from tieout.store.sqlite import is_sqlite

WAL_BYTES_TRUNCATE: Final = 64 * 1024**2
"""Longer than this after a checkpoint, readers keep it from starting anew: they are waited for a moment."""
WAL_BYTES_LONG: Final = 128 * 1024**2
"""A WAL that has grown to this is due where no keeper runs; it is no cause for alarm before twice as much."""
WAIT_MILLISECONDS: Final = 200


def wal_bytes(engine: Engine) -> int:
    """How long the write-ahead log is now; 0 on PostgreSQL."""
    if not is_sqlite(engine) or engine.url.database is None:
        return 0
    try:
        return Path(f"{engine.url.database}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def checkpoint(engine: Engine, folder: Path) -> int:
    """Moves what it can into the database without making a writer or a reader wait, then returns
    `wal_bytes`. A long one is also truncated, in a writer's turn: under writers without a pause it would
    never be done otherwise. They wait for what came since the first step, and for readers 200 ms at most.
    Raises `StoreUnusable` where there is no room for it, and `DiskFailed`.
    """
    if not is_sqlite(engine):
        return 0
    try:
        _checkpoint(engine, "PASSIVE")
        if wal_bytes(engine) > WAL_BYTES_TRUNCATE:
            with turn_lock(engine, folder):
                _checkpoint(engine, "TRUNCATE")
    except DBAPIError as error:
        raise storage_failure(error) or error from error
    return wal_bytes(engine)


def checkpoint_when_long(engine: Engine) -> None:
    """What a writer does after its commit, holding no lock: a WAL that no keeper shortens goes into the
    database as far as no reader needs it. Without room for that it stays as it is, and so does the commit.
    """
    if wal_bytes(engine) >= WAL_BYTES_LONG:
        try:
            _checkpoint(engine, "PASSIVE")
        except DBAPIError as error:
            if is_io_failure(error):
                raise


def _checkpoint(engine: Engine, mode: str) -> None:
    """Outside a transaction, but by SQLAlchemy: so a failure has a name, and leaves its mark."""
    with engine.connect().execution_options(tieout_begin=None) as connection:
        (patience,) = connection.exec_driver_sql("PRAGMA busy_timeout").one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={WAIT_MILLISECONDS:d}").all()
        try:
            connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})").all()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={patience:d}").all()
