"""The write-ahead log of the log's SQLite file: how long it is, and keeping it short off the commit path.

Writers checkpoint by themselves only when it is long (`sqlite.WAL_AUTOCHECKPOINT_PAGES`); a keeper does it
every moment, so that no commit has to. PostgreSQL sees to its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

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
    """
    if not is_sqlite(engine):
        return 0
    _checkpoint(engine, "PASSIVE")
    if wal_bytes(engine) > WAL_BYTES_TRUNCATE:
        with turn_lock(engine, folder):
            _checkpoint(engine, "TRUNCATE")
    return wal_bytes(engine)


def checkpoint_when_long(engine: Engine) -> None:
    """What a writer does after its commit, holding no lock: a WAL that no keeper shortens goes into the
    database as far as no reader needs it.
    """
    if wal_bytes(engine) >= WAL_BYTES_LONG:
        _checkpoint(engine, "PASSIVE")


def _checkpoint(engine: Engine, mode: str) -> None:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={WAIT_MILLISECONDS:d}")
        cursor.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        cursor.execute(f"PRAGMA busy_timeout={patience:d}")
        cursor.close()
    finally:
        raw.close()
