"""A transaction of the log that waits its turn among the commits, for the small writes that are no batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from tieout.store.files import locked
from tieout.store.log import schema
from tieout.store.sqlite import begin_immediate, is_sqlite


@contextmanager
def log_writing(engine: Engine, lock: Path) -> Iterator[Connection]:
    """Behind the file `lock` on SQLite, behind the head's row on PostgreSQL; commits at the end."""
    if is_sqlite(engine):
        with locked(lock), begin_immediate(engine) as connection:
            yield connection
    else:
        with begin_immediate(engine) as connection:
            connection.execute(select(schema.head.c.batch).with_for_update()).one()
            yield connection
