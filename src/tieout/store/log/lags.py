"""Counts how long accepted events took, with the commits of one appender.

From event to received is known before the commit and is counted in it. When a batch became queryable is known
only after it: the process that committed reads its clock at once, never before, and writes what it saw with
its next commit, or by a small write of its own when no more commits follow. If it dies in between, the lag of
that batch is not known, and is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from tieout.ingest.lag import BUCKETS, EVENT_TO_RECEIVED, RECEIVED_TO_QUERYABLE, bucket_of, buckets_of
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.ports import Clock
from tieout.store.log.prepare import Prepared

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


class LagKeeper:
    """Belongs to one appender: `look_at`, `keep` inside the commit, then `committed` or `forget`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked: _Looked | None = None
        self._accepted: dict[str, int] = {}
        self._lags: Counter[LagKey] = Counter()
        self._times: dict[int, Instant] = {}

    @property
    def waiting(self) -> bool:
        """Whether a commit has left anything to be written."""
        return bool(self._times)

    def look_at(self, prepared: Prepared, received_at: Instant) -> None:
        """What takes time, before any lock is held."""
        buckets = buckets_of(received_at - prepared.times)
        self._looked = _Looked(received_at, prepared.source_names, prepared.sources, buckets)

    def keep(self, connection: Connection, accepted: npt.NDArray[np.bool_]) -> None:
        """Inside the commit: counts the accepted rows, and writes what earlier commits have left."""
        looked = self._looked
        assert looked is not None, "a block is looked at before it is kept"
        hour = _hour(looked.received_at)
        found = _counted(looked.sources[accepted], looked.buckets[accepted], len(looked.names))
        self._accepted = {}
        added: Counter[LagKey] = Counter()
        for source, bucket, items in found:
            name = looked.names[source]
            added[hour, name, EVENT_TO_RECEIVED, bucket] = items
            self._accepted[name] = self._accepted.get(name, 0) + items
        self.write(connection, added)

    def write(self, connection: Connection, added: Counter[LagKey] | None = None) -> None:
        """Under the head's lock. What waits goes on waiting until the commit is known to have succeeded."""
        add_lags(connection, self._lags if added is None else self._lags + added)
        if self._times:
            times = [{"batch": batch, "committed_at": at} for batch, at in sorted(self._times.items())]
            connection.execute(SAY_WHEN, times)

    def committed(self, batch: int) -> None:
        """To be called as soon as a batch is committed: now, and not before, it is queryable."""
        now = self._clock.now()
        self.written()
        looked = self._looked
        if looked is None or not self._accepted:
            return
        hour, bucket = _hour(looked.received_at), bucket_of(now - looked.received_at)
        for source, items in self._accepted.items():
            self._lags[hour, source, RECEIVED_TO_QUERYABLE, bucket] += items
        self._times[batch] = now

    def written(self) -> None:
        """What waited is stored now."""
        self._lags.clear()
        self._times.clear()

    def forget(self) -> None:
        """It is not known whether what waited was stored: better not counted than counted twice."""
        self.written()


def add_lags(connection: Connection, lags: Counter[LagKey]) -> None:
    """Adds counts to what is stored, in an order that all writers share."""
    rows = [
        {"hour": hour, "source": source, "lag": lag, "bucket": bucket, "items": items}
        for (hour, source, lag, bucket), items in sorted(lags.items())
    ]
    if rows:
        connection.execute(ADD, rows)


def _hour(instant: Instant) -> int:
    return instant // HOUR_MICROSECONDS * HOUR_MICROSECONDS


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
