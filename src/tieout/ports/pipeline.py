"""What the log keeps about its own pipeline: rates, lags, refusals, alerts, cursors and control totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.ingest.control_total import ControlTotal
from tieout.ingest.shift import Shift
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant
from tieout.ports.events import Tally


@dataclass(frozen=True, slots=True)
class LagCount:
    """Accepted events of one source and hour received whose lag is in one bucket of `ingest.lag`."""

    source: str
    hour: Instant
    lag: str
    bucket: int
    items: int


@dataclass(frozen=True, slots=True)
class RefusedRequests:
    """Requests that were refused before an item of theirs was received, by hour, API key and reason."""

    hour: Instant
    key_id: str
    reason: str
    requests: int


@dataclass(frozen=True, slots=True)
class ArrivalOrder:
    """Accepted events of one source and hour received, and how many were older than one before them."""

    source: str
    hour: Instant
    accepted: int
    out_of_order: int


@dataclass(frozen=True, slots=True)
class PipelineAlert:
    """A shift that was found; open until a person closes it with a reason."""

    id: str
    shift: Shift
    opened_at: Instant
    closed_at: Instant | None
    closed_by: str | None
    close_reason: str | None


@dataclass(frozen=True, slots=True)
class StoredControlTotal:
    """A source's statement, when it was made, and by whom."""

    stated: ControlTotal
    stated_at: Instant
    stated_by: str


@dataclass(frozen=True, slots=True)
class LogSizes:
    """The last batch, the last that segments hold, and bytes of the write-ahead log (None: not SQLite)."""

    head: Watermark
    compacted: Watermark
    wal_bytes: int | None


class Pipeline(Protocol):
    """The log's own numbers, and what people and consumers say about them."""

    def sizes(self) -> LogSizes: ...

    def sources(self) -> tuple[str, ...]:
        """Every source of which anything was received, by name."""
        ...

    def newest_hour(self, source: str | None) -> Instant | None:
        """The last hour in which anything was received (of a source)."""
        ...

    def rates(self, *, source: str | None, since: Instant | None) -> tuple[Tally, ...]:
        """By source and hour, from hour `since` on; kept with each commit, so they are read at once."""
        ...

    def totals(self) -> tuple[Tally, ...]:
        """The rates of all hours added up; `hour` is the first one of the source."""
        ...

    def lags(self, *, source: str | None, since: Instant | None) -> tuple[LagCount, ...]: ...

    def refused_requests(self, *, since: Instant | None) -> tuple[RefusedRequests, ...]: ...

    def arrivals(self, *, source: str | None, since: Instant | None) -> tuple[ArrivalOrder, ...]:
        """By source and hour. Batches that were appended before this was counted are not in it."""
        ...

    def alerts(self, *, only_open: bool, source: str | None) -> tuple[PipelineAlert, ...]:
        """In the order of their hours."""
        ...

    def open_alerts(self) -> tuple[PipelineAlert, ...]:
        """Every alert that nobody has closed yet, of every source."""
        ...

    def alert(self, id: str) -> PipelineAlert | None: ...

    def close_alert(self, id: str, *, by: str, reason: str, at: Instant) -> bool:
        """False where there is no open alert of that id; an alert is closed once."""
        ...

    def cursor(self, consumer: str) -> Watermark:
        """The last batch that the consumer has acted on; 0 where it has not acted yet."""
        ...

    def touched(self, *, after: Watermark, upto: Watermark) -> tuple[tuple[str, Instant], ...]:
        """(source, hour) of everything received in batches later than `after`, up to `upto`."""
        ...

    def acted(
        self, consumer: str, *, after: Watermark, upto: Watermark, at: Instant, found: Sequence[Shift]
    ) -> tuple[Shift, ...] | None:
        """In one transaction: opens alerts that are not there yet, counts the consumer's lag, and moves its
        cursor from `after` to `upto`. Returns the shifts whose alerts are new; None, with nothing written,
        where the cursor is not at `after` any more.
        """
        ...

    def state_total(self, stated: ControlTotal, *, at: Instant, by: str) -> StoredControlTotal:
        """Stores it where the source has no statement of that id; returns the one that is stored now."""
        ...

    def control_totals(self, *, source: str | None) -> tuple[StoredControlTotal, ...]:
        """By source, window and id."""
        ...

    def not_accepted(self, source: str) -> Iterator[bytes]:
        """The bytes of a source's items in quarantine and conflict, a few at a time in memory."""
        ...
