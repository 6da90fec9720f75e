"""A writer's turn at the log: on SQLite behind the fair file lock that every writer takes, so that nobody
waits in a busy handler, which starves; on PostgreSQL its locks decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from tieout.store.files import locked
from tieout.store.log import schema
from tieout.store.sqlite import begin_immediate, is_sqlite

LOCK_NAME = "log.lock"


@contextmanager
def turn(engine: Engine, folder: Path) -> Iterator[Connection]:
    """A write transaction on the log of the home in `folder`; commits at the end."""
    with turn_lock(engine, folder), begin_immediate(engine) as connection:
        yield connection


@contextmanager
def turn_among_commits(engine: Engine, folder: Path) -> Iterator[Connection]:
    """A turn that no commit shares: on PostgreSQL it also holds the head's row, for what reads and then
    writes.
    """
    with turn(engine, folder) as connection:
        connection.execute(select(schema.head.c.batch).with_for_update()).one()
        yield connection


@contextmanager
def turn_lock(engine: Engine, folder: Path) -> Iterator[None]:
    """The turn alone, for what begins its own transaction."""
    if is_sqlite(engine):
        with locked(folder / LOCK_NAME):
            yield
    else:
        yield
