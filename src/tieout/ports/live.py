"""Live usage: what is kept of the windows that are open now, and the batches that it follows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tieout.aggregate.accumulation import Accumulation, GroupKey
from tieout.aggregate.breakdown import UsageGroup
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, EventType, MeterKey, Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports.events import LogManifest
from tieout.ports.retraction import StoredEvent

RequestDigest = str
"""SHA-256 of everything that a usage request asks for: equal digests ask for the same number."""


class DamagedLiveUsage(IntegrityViolation):
    """What is kept is not what was written; it is thrown away and built again."""

    code = "damaged-live-usage"

    def __init__(self) -> None:
        super().__init__("the kept live usage is damaged; it is built again from the log")


class CommittedBatch(Protocol):
    """One batch of the log, as whoever follows it reads it."""

    @property
    def number(self) -> Watermark: ...

    @property
    def received_at(self) -> Instant: ...

    @property
    def rows(self) -> int:
        """Accepted events."""
        ...

    @property
    def types(self) -> frozenset[EventType]: ...

    def subjects(self) -> frozenset[Subject]: ...

    def events(self, *, only: EventType | None = None) -> Iterator[StoredEvent]:
        """In position order within each type; with `only` those of one type."""
        ...

    def hours(self) -> Mapping[Subject, Sequence[Instant]]:
        """In which hours, by their beginnings, each subject has events."""
        ...

    def manifest(self, retracted: Sequence[tuple[str, str]]) -> LogManifest:
        """The batch alone as a log, in which these (source, id) are retracted."""
        ...


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A request that is kept up, as it is stored, with the span of each of its subjects."""

    digest: RequestDigest
    customer: CustomerId
    subscription: SubscriptionId
    meter: MeterKey
    meter_version: int
    meter_digest: str
    period: Period
    breakdown: str | None
    spans: tuple[tuple[Subject, Instant, Instant], ...]


@dataclass(slots=True)
class StandingChange:
    """What became of one request: `groups` and `texts` name what changed in them; None: all of them.
    `groups_gone` are those that lost their last event.
    """

    digest: RequestDigest
    accumulation: Accumulation
    groups: set[GroupKey] | None = field(default_factory=set)
    texts: set[str] | None = field(default_factory=set)
    groups_gone: list[UsageGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LiveMark:
    """How far the live usage follows the log: the end of this batch, and when that was received."""

    watermark: Watermark
    received_at: Instant | None


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What is kept of requests at one watermark, for those that are kept. Of a `unique` only the number of
    its texts is there: `distinct`.
    """

    mark: LiveMark
    kept: Mapping[RequestDigest, Accumulation]
    distinct: Mapping[RequestDigest, int]


class LiveStore(Protocol):
    """Derived, and exact at every commit: each request in it is as the log said at its watermark. Whatever
    cannot be trusted is thrown away and built again: all but `mark` and `read` raise `DamagedLiveUsage`.
    """

    def leading(self) -> AbstractContextManager[bool]:
        """True for the one process that may follow now; held until the end. Never waits."""
        ...

    def mark(self) -> LiveMark | None:
        """None where nothing is kept."""
        ...

    def begin(self, at: LiveMark) -> None:
        """Throws away what is kept, and starts at `at` with nothing."""
        ...

    def read(self, digests: Sequence[RequestDigest], *, groups: bool = True) -> LiveAnswer | None:
        """None where nothing is kept, or what is kept cannot be read. Without `groups` the totals alone."""
        ...

    def standing(self, subjects: Sequence[Subject]) -> list[StandingRow]:
        """Every request with a span of one of these subjects."""
        ...

    def kept(self, digests: Sequence[RequestDigest]) -> Mapping[RequestDigest, Accumulation]:
        """Whole, texts included."""
        ...

    def known(self, customers: Sequence[CustomerId]) -> Mapping[CustomerId, frozenset[RequestDigest]]:
        """The requests that are kept for these customers, and those given up as too fine."""
        ...

    def given_up(self, digests: Sequence[RequestDigest]) -> frozenset[RequestDigest]: ...

    def add(self, rows: Sequence[tuple[StandingRow, Accumulation]]) -> None:
        """Requests as they are at the store's watermark."""
        ...

    def drop(self, digests: Sequence[RequestDigest]) -> None: ...

    def give_up(self, digest: RequestDigest, customer: CustomerId) -> None:
        """Not kept from now on: it falls into too many groups."""
        ...

    def advance(self, mark: LiveMark, changes: Sequence[StandingChange]) -> None:
        """Moves to a later watermark, at once with everything that changed on the way."""
        ...

    def changed(self, customers: Collection[CustomerId]) -> Mapping[CustomerId, Watermark]:
        """The watermark at which something of each one's changed last; without those of whom nothing did."""
        ...
