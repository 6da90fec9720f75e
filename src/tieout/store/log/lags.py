"""Counts how long accepted events took, with the commits of one appender.

From event to received is known before the commit and is counted in it. When a batch became queryable is known
only after it: the process that committed reads its clock at once, never before, and writes what it saw with
its next commit, or by a small write of its own when no commit follows (`EventLog.write_lags`). If it dies in
between, the lag of that batch is not known, and is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from tieout.ingest.lag import BUCKETS, EVENT_TO_RECEIVED, RECEIVED_TO_QUERYABLE, bucket_of, buckets_of
from tieout.kernel.instant import Instant, hour_of
from tieout.ports import Clock
from tieout.store.log.prepare import Prepared
from tieout.store.log.turn import turn_among_commits

ADD = text(
    "INSERT INTO lags (hour, source, lag, bucket, items) VALUES (:hour, :source, :lag, :bucket, :items) "
    "ON CONFLICT (hour, source, lag, bucket) DO UPDATE SET items = lags.items + excluded.items"
)
SAY_WHEN = text(
    "INSERT INTO commit_times (batch, committed_at) VALUES (:batch, :committed_at) ON CONFLICT DO NOTHING"
)
DENSE_CELLS_MAX = 1 << 17

LagKey = tuple[int, str, str, int]
"""(hour received, source, lag, bucket)."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """A block before its commit: sources (n,) as indices into `names`, and the bucket of each row."""

    received_at: Instant
    names: tuple[str, ...]
    sources: npt.NDArray[np.int32]
    buckets: npt.NDArray[np.int64]


class WaitingLags:
    """What commits have left to be written, shared by all appenders of one log. Whoever takes it owns it, so
    that nothing is written twice; what its owner cannot write is not counted.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lags: Counter[LagKey] = Counter()
        self._times: dict[int, Instant] = {}

    def put(self, batch: int, committed_at: Instant, lags: Mapping[LagKey, int]) -> None:
        with self._lock:
            self._times[batch] = committed_at
            self._lags.update(lags)

    def take(self) -> tuple[Counter[LagKey], dict[int, Instant]]:
        """Counts, and when each batch was seen committed."""
        with self._lock:
            taken = self._lags, self._times
            self._lags, self._times = Counter(), {}
        return taken

    def write(self, engine: Engine, folder: Path) -> None:
        """By a small transaction of its own; nothing that was acknowledged needs it."""
        lags, times = self.take()
        if not times:
            return
        try:
            with turn_among_commits(engine, folder) as connection:
                _write(connection, lags, times)
        except DBAPIError:
            return  # what cannot be measured is not known; what was to be stored is stored


class LagKeeper:
    """Belongs to one appender: `look_at` before a commit, `keep` inside it, `committed` after it."""

    def __init__(self, clock: Clock, waiting: WaitingLags) -> None:
        self._clock = clock
        self._waiting = waiting
        self._looked: _Looked | None = None
        self._accepted: dict[str, int] = {}

    def look_at(self, prepared: Prepared, received_at: Instant) -> None:
        """What takes time, before any lock is held."""
        buckets = buckets_of(received_at - prepared.times)
        self._looked = _Looked(received_at, prepared.source_names, prepared.sources, buckets)

    def keep(self, connection: Connection, accepted: npt.NDArray[np.bool_]) -> None:
        """Inside the commit: counts the accepted rows, and writes what earlier commits have left."""
        looked = self._looked
        assert looked is not None, "a block is looked at before it is kept"
        hour = hour_of(looked.received_at)
        lags, times = self._waiting.take()
        self._accepted = {}
        for source, bucket, items in _counted(
            looked.sources[accepted], looked.buckets[accepted], len(looked.names)
        ):
            name = looked.names[source]
            lags[hour, name, EVENT_TO_RECEIVED, bucket] += items
            self._accepted[name] = self._accepted.get(name, 0) + items
        _write(connection, lags, times)

    def committed(self, batch: int) -> None:
        """To be called as soon as a batch is committed: now, and not before, it is queryable."""
        now, looked = self._clock.now(), self._looked
        assert looked is not None, "a block is looked at before it is committed"
        if self._accepted:
            hour, bucket = hour_of(looked.received_at), bucket_of(now - looked.received_at)
            lags = {
                (hour, source, RECEIVED_TO_QUERYABLE, bucket): items
                for source, items in self._accepted.items()
            }
            self._waiting.put(batch, now, lags)


def _write(connection: Connection, lags: Counter[LagKey], times: Mapping[int, Instant]) -> None:
    add_lags(connection, lags)
    if times:
        rows = [{"batch": batch, "committed_at": at} for batch, at in sorted(times.items())]
        connection.execute(SAY_WHEN, rows)


def add_lags(connection: Connection, lags: Counter[LagKey]) -> None:
    """Adds counts to what is stored, in an order that all writers share."""
    rows = [
        {"hour": hour, "source": source, "lag": lag, "bucket": bucket, "items": items}
        for (hour, source, lag, bucket), items in sorted(lags.items())
    ]
    if rows:
        connection.execute(ADD, rows)


def _counted(
    sources: npt.NDArray[np.int32], buckets: npt.NDArray[np.int64], names: int
) -> Iterable[tuple[int, int, int]]:
    """(source, bucket, items) of the rows."""
    width = BUCKETS + 1
    cells = sources.astype(np.int64) * width + buckets
    if names * width <= DENSE_CELLS_MAX:
        counts = np.bincount(cells, minlength=1)
        found = np.flatnonzero(counts)
        items = counts[found]
    else:
        found, items = np.unique(cells, return_counts=True)
    for cell, count in zip(found.tolist(), items.tolist(), strict=True):
        yield cell // width, cell % width, count
