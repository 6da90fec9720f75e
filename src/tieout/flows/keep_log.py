"""Keep the log: what a process beside the servers does all day, so that no server has to.

Compaction when it is due, merging of small segments, deletion of what was retired, collection of orphans,
checkpoints, and room given back. Nothing depends on it for correctness: without a keeper the log grows larger
and slower.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.ports import Maintenance, OrphanSearch

PAUSE_SECONDS: Final = 1
STAND_BY_SECONDS: Final = 5
ORPHANS_EVERY_SECONDS: Final = 600
WAL_BYTES_ALERT: Final = 256 * 1024**2
WAKE_NANOSECONDS: Final = 200_000_000
NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a keeper: what was done, how long the write-ahead log is, and what could not be done."""

    done: Maintenance
    wal_bytes: int
    failure: TieoutError | None = None

    @property
    def wal_is_long(self) -> bool:
        return self.wal_bytes > WAL_BYTES_ALERT


@dataclass(slots=True)
class Kept:
    """What a keeper did from its start to its stop."""

    rounds: int = 0
    compacted: int = 0
    merged: int = 0
    orphans: int = 0
    removed: int = 0
    failures: int = 0
    wal_bytes_max: int = field(default=0)

    def add(self, told: Round) -> None:
        self.rounds += 1
        self.compacted += told.done.compacted
        self.merged += told.done.merged
        self.orphans += told.done.orphans
        self.removed += told.done.removed
        self.failures += told.failure is not None
        self.wal_bytes_max = max(self.wal_bytes_max, told.wal_bytes)


def keep_log(
    home: Home,
    *,
    stop: Callable[[], bool],
    pause_seconds: int = PAUSE_SECONDS,
    told: Callable[[Round], None] | None = None,
) -> Kept:
    """Keeps the log until `stop` says so; `told` hears of every round.

    One process keeps a home at a time; any others stand by and take over when it ends, however it ends. What
    cannot be done now (no room, no storage of segments, a damaged segment) is told, and tried again the next
    round.
    """
    kept = Kept()
    while not stop():
        with home.log.keeping() as ours:
            if ours:
                _keep(home, stop, pause_seconds, told, kept)
        _wait(STAND_BY_SECONDS, stop)
    return kept


def keep_once(home: Home, *, orphans: bool = True, rows_min: int | None = None) -> Round:
    """One round; `orphans`: whether it looks for them."""
    search = OrphanSearch.ALWAYS if orphans else OrphanSearch.NEVER
    try:
        done, failure = home.log.maintain(orphans=search, rows_min=rows_min), None
    except TieoutError as error:
        done, failure = Maintenance(), error
    try:
        wal_bytes = home.log.checkpoint()
    except TieoutError as error:
        wal_bytes, failure = home.log.wal_bytes(), failure or error
    return Round(done, wal_bytes, failure)


def _keep(
    home: Home,
    stop: Callable[[], bool],
    pause_seconds: int,
    told: Callable[[Round], None] | None,
    kept: Kept,
) -> None:
    orphans_due = time.monotonic_ns()
    while not stop():
        orphans = time.monotonic_ns() >= orphans_due
        if orphans:
            orphans_due = time.monotonic_ns() + ORPHANS_EVERY_SECONDS * NANOSECONDS
        latest = keep_once(home, orphans=orphans)
        kept.add(latest)
        if told is not None:
            told(latest)
        _wait(pause_seconds, stop)


def _wait(seconds: int, stop: Callable[[], bool]) -> None:
    """Wakes often enough that a stop is heard at once."""
    until = time.monotonic_ns() + seconds * NANOSECONDS
    while not stop() and (left := until - time.monotonic_ns()) > 0:
        time.sleep(min(left, WAKE_NANOSECONDS) / NANOSECONDS)
