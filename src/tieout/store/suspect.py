"""After an I/O error of an SQLite file nothing is accepted until all that can be read is on the disk.

A sync that failed leaves commits that every process sees and no disk holds, and the next sync succeeds
without writing them. Whoever meets such an error leaves a mark beside the database. Who writes next writes
the WAL over itself, syncs it, and completes a checkpoint before anything new is accepted (decision 0024).
Until then nobody may close the database as the last one, since SQLite checkpoints there, reader or writer:
what the disk holds of the old WAL would be replayed over a newer database.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import SQLAlchemyError

from tieout.store.failure import DiskFailed, is_io_failure
from tieout.store.files import remove, rewrite_durably

MARK_SUFFIX: Final = "-suspect"
WAL_SUFFIX: Final = "-wal"


_kept: Final[dict[Path, object]] = {}
"""By mark, the connection of this process that is never closed."""


def mark_at_disk_failures(engine: Engine) -> None:
    """From now on a disk failure that a connection of this SQLite engine reports leaves the mark, and as long
    as it stands, this process does not close its last connection.
    """
    event.listen(engine, "handle_error", _mark_if_disk_failed)
    event.listen(engine, "close", lambda _, __: _stay_open_if_suspect(engine))


def settle(engine: Engine) -> None:
    """Nothing where there is no mark. Raises `DiskFailed` if the disk still fails, or a reader holds the
    checkpoint up for longer than writers wait.

    The mark goes while the write lock is held and the WAL is on the disk: no commit can fail in between.
    """
    mark = mark_of(engine)
    if not mark.exists():
        return
    try:
        with engine.connect().execution_options(tieout_begin="BEGIN IMMEDIATE") as connection:
            connection.begin()
            wal = _beside(engine, WAL_SUFFIX)
            if wal.exists():
                rewrite_durably(wal)
            remove(mark)
        busy = _checkpoint(engine)
    except OSError as error:
        raise DiskFailed(error.strerror or str(error)) from error
    if busy:
        mark.touch()
        raise DiskFailed("a reader keeps the checkpoint from its end")


def mark_of(engine: Engine) -> Path:
    return _beside(engine, MARK_SUFFIX)


def _checkpoint(engine: Engine) -> bool:
    """Whether a reader or writer kept it from moving everything out of the WAL."""
    outside = engine.raw_connection()  # a checkpoint is refused inside a transaction
    try:
        cursor = outside.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, _, _) = cursor.fetchone()
        cursor.close()
    except engine.dialect.loaded_dbapi.Error as error:  # not seen by SQLAlchemy, so marked here
        mark_of(engine).touch()
        raise DiskFailed(str(error)) from error
    finally:
        outside.close()
    return bool(busy)


def _mark_if_disk_failed(context: ExceptionContext) -> None:
    if context.engine is None or not is_io_failure(context.sqlalchemy_exception):
        return
    try:
        mark_of(context.engine).touch()
    except OSError:
        return  # a file system that takes no name takes no commit either, until it is mounted anew
    _stay_open_if_suspect(context.engine)


def _stay_open_if_suspect(engine: Engine) -> None:
    """One connection that outlives its engine and the interpreter: the operating system closes it, SQLite
    never does. Its lock tells every other connection, of any process, that it is not the last.
    """
    mark = mark_of(engine)
    if mark in _kept or not mark.exists():
        return
    try:
        pooled = engine.raw_connection()
        connection = pooled.dbapi_connection
        pooled.detach()
        cursor = pooled.cursor()
        cursor.execute("SELECT 1 FROM sqlite_master")  # the lock on the file is taken by a first read
        cursor.fetchall()
        cursor.close()
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error):
        return  # a database that cannot be read is not checkpointed either
    _kept[mark] = connection
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # at exit the interpreter would close it


def _beside(engine: Engine, suffix: str) -> Path:
    assert engine.url.database is not None, "an SQLite engine has a file"
    return Path(engine.url.database + suffix)
