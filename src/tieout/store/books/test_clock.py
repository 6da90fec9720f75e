"""The clock of a home that was made with one: rows beside the home's id, the first of which `init` writes and
each step adds one; the database refuses to change or remove them.

A home cannot become one with a test clock, nor lose it: its id says so too, and the two are compared whenever
it is opened. Whatever names the home (signing requests, evidence packs) thereby names the test clock.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from tieout.kernel.clock_step import day_of, refuse_goal
from tieout.kernel.errors import ConflictError
from tieout.kernel.instant import Instant, format_instant
from tieout.ports import ClockReading
from tieout.store.books.schema import meta
from tieout.store.books.writing import insert_rows, writing

ROW: Final = "test_clock."
"""And how many steps went before, in as many digits."""
DIGITS: Final = 9


class ClockMoved(ConflictError):
    """Somebody else stepped the clock between look and step."""

    code = "clock-moved"

    def __init__(self, now: Instant) -> None:
        super().__init__(
            f"Somebody stepped the test clock meanwhile: it stands at {format_instant(now)} now."
        )


class SqlTestClock:
    """The port `TestClock`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process = os.getpid()
        self._last = self.reading()

    def now(self) -> Instant:
        """In a fork, which must not touch what it inherits, what its parent read last."""
        return self._last.now if os.getpid() != self._process else self.reading().now

    def reading(self) -> ClockReading:
        with self._engine.connect() as connection:
            self._last, self._steps = _read(connection)
        return self._last

    def step(self, before: ClockReading, *, to: Instant, anchor_day: int) -> None:
        refuse_goal(before.now, to)
        after = ClockReading(to, before.began, anchor_day)
        with writing(self._engine) as connection:
            found, steps = _read(connection)
            if found == before and after != before:
                with suppress(IntegrityError):  # somebody's step came between, on PostgreSQL
                    insert_rows(connection, meta, [_row(steps + 1, after)])
        if self.reading() != after:
            raise ClockMoved(self._last.now)


def start_clock(connection: Connection, at: Instant) -> None:
    """The first row, in the transaction that makes the home."""
    insert_rows(connection, meta, [_row(0, ClockReading(at, at, day_of(at)))])


def has_clock(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.execute(_LATEST).first() is not None


_LATEST = (
    select(meta.c.name, meta.c.value)
    .where(meta.c.name.startswith(ROW, autoescape=True))
    .order_by(meta.c.name.desc())
    .limit(1)
)


def _read(connection: Connection) -> tuple[ClockReading, int]:
    """The latest, and how many steps it took."""
    name, value = connection.execute(_LATEST).one()
    said = json.loads(value)
    return ClockReading(Instant(said["now"]), Instant(said["began"]), said["anchor_day"]), int(
        name[len(ROW) :]
    )


def _row(step: int, reading: ClockReading) -> dict[str, str]:
    said = {"now": reading.now, "began": reading.began, "anchor_day": reading.anchor_day}
    return {"name": f"{ROW}{step:0{DIGITS}}", "value": json.dumps(said)}
