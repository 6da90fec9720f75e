"""The log as a workplace: its items looked at one by one, decided about by named people, found, counted,
exported and, where the law asks for it, erased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tieout.contract.event_contract import ContractBook
from tieout.evidence.witness import Erasure
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.ingest.verdict import Verdict
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.ports.events import QuarantinedItem
from tieout.ports.retraction import StoredEvent

Progress = Callable[[int, int], None]
Kept = Mapping[EventType, frozenset[str]]
"""By event type the text fields that an erasure leaves."""


class ItemState(StrEnum):
    """What became of a quarantined item: nothing yet, or what a person decided."""

    OPEN = "open"
    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, why, and when."""

    person: str
    reason: str
    decided_at: Instant


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """The one decision about an item; `new` is where a released one arrived again."""

    item: Position
    state: ItemState
    decision: Decision
    new: Position | None


class AlreadyDecided(ConflictError):
    """Each quarantined item is decided about at most once."""

    code = "already-decided"

    def __init__(self, outcomes: Sequence[ItemOutcome]) -> None:
        super().__init__(outcomes)
        self.outcomes = tuple(outcomes)

    def __str__(self) -> str:
        first = self.outcomes[0]
        where = "" if first.new is None else f" as {first.new}"
        return (
            f"{first.item} was {first.state.value}{where} by {first.decision.person} already "
            f"({first.decision.reason}); an item is decided about once."
        )


@dataclass(frozen=True, slots=True)
class QuarantineQuery:
    """Which quarantined items: None does not ask. `since` is about arrival; items come after position
    `after`.
    """

    reason: Reason | None = None
    source: str | None = None
    field: str | None = None
    since: Instant | None = None
    state: ItemState | None = None
    after: Position | None = None
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class ReviewedItem:
    """A quarantined item and what was decided about it; `released_from` is the item whose release it is."""

    item: QuarantinedItem
    outcome: ItemOutcome | None
    released_from: Position | None = None

    @property
    def state(self) -> ItemState:
        return ItemState.OPEN if self.outcome is None else self.outcome.state


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """Items that were refused for one reason, from one source, in one field."""

    reason: Reason
    source: str
    field: str | None
    items: int
    first_at: Instant
    last_at: Instant
    example: Position


@dataclass(frozen=True, slots=True)
class Readmission:
    """A quarantined item on its way back: its bytes or corrected ones, and what they are under today's
    contracts.
    """

    item: Position
    raw: bytes
    decoded: Event | Rejected
    redecode: Callable[[ContractBook], Event | Rejected]
    origin: str
    line: int
    reading: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one received row: verdict, reason, and the accepted event that it repeats or
    contradicts.
    """

    position: Position
    verdict: Verdict
    reason: Reason
    original: Position | None


@dataclass(frozen=True, slots=True)
class Readmitted:
    """A released item and its new arrival."""

    item: Position
    fate: Fate


@dataclass(frozen=True, slots=True)
class BatchArrival:
    """When a batch came, and where from."""

    received_at: Instant
    origin: str


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that repeat one accepted event, the first `limit` of them; `total` counts all."""

    positions: tuple[Position, ...]
    total: int


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """A declared field, an undeclared member of data or a CloudEvents attribute with this text as its value;
    numbers are compared as numbers.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which accepted events: None does not ask. `time` is half-open. `spans`: events of these subjects in
    these periods, as a customer has them. `positions` are given one by one.
    """

    source: str | None = None
    sources: frozenset[str] | None = None
    types: frozenset[EventType] | None = None
    subject: Subject | None = None
    spans: Mapping[Subject, tuple[Period, ...]] | None = None
    time_from: Instant | None = None
    time_until: Instant | None = None
    attributes: tuple[AttributeFilter, ...] = ()
    positions: tuple[Position, ...] | None = None
    watermark: Watermark | None = None


@dataclass(frozen=True, slots=True)
class FoundEvents:
    """A page in position order; `after` continues it, None where it was the last."""

    events: tuple[StoredEvent, ...]
    after: Position | None
    watermark: Watermark


@dataclass(frozen=True, slots=True)
class TypeTotal:
    """Events of one type, and the exact sum of each of its numeric fields, by name; of those events, how many
    are retracted, and the sums over them.
    """

    type: EventType
    events: int
    sums: Mapping[str, Quantity] = field(default_factory=dict)
    retracted: int = 0
    retracted_sums: Mapping[str, Quantity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copies:
    """Where the personal data of an item stands: segment files, stored bodies, quarantined items."""

    segments: tuple[str, ...]
    bodies: tuple[int, ...]
    quarantined: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """What was cleaned. `database_clean` is false where the database still holds freed pages or a
    write-ahead log with the old bytes, because somebody is reading: erasing again finishes it.
    """

    copies: Copies
    database_clean: bool


class LogReview(Protocol):
    """What people and programs ask of single items of the log, and the decisions they record."""

    def items(self, query: QuarantineQuery) -> tuple[ReviewedItem, ...]:
        """In the order of arrival, without their bytes."""
        ...

    def groups(self, query: QuarantineQuery) -> tuple[QuarantineGroup, ...]:
        """By reason, source and field, the largest first; the query's `after` and `limit` are not asked."""
        ...

    def item(self, position: Position) -> ReviewedItem | None:
        """With its bytes."""
        ...

    def items_of(self, event_id: str, source: str | None) -> tuple[ReviewedItem, ...]:
        """Quarantined items and conflicts of an identity, without their bytes."""
        ...

    def equal_rows_before(self, item: QuarantinedItem) -> int:
        """How many earlier lines of the same file hold the same bytes, as far as they are in quarantine."""
        ...

    def readmit(
        self, book: ContractBook, items: Sequence[Readmission], decision: Decision
    ) -> tuple[Readmitted, ...]:
        """Appends one batch of new arrivals and records each release in the same transaction.

        Raises `AlreadyDecided` where any of the items was decided about; then nothing is stored.
        """
        ...

    def discard(self, items: Sequence[Position], decision: Decision) -> None:
        """Raises `AlreadyDecided` where any of them was decided about; then nothing is stored."""
        ...

    def locate(self, identities: Sequence[tuple[str, str]]) -> tuple[Position | None, ...]:
        """Where each (source, id) was accepted; None where it never was."""
        ...

    def sources(self) -> tuple[str, ...]:
        """Every source that something was received from."""
        ...

    def fate(self, position: Position) -> Fate | None:
        """What became of a received row; None where there is no such row."""
        ...

    def fates(self, batch: int) -> tuple[Fate, ...]:
        """Of every row that the batch received, in order."""
        ...

    def arrival(self, batch: int) -> BatchArrival: ...

    def repeats(self, original: Position, source: str, *, limit: int) -> Repeats:
        """Duplicates of an accepted event."""
        ...

    def released_from(self, position: Position) -> Position | None:
        """The quarantined item whose release arrived at this position."""
        ...

    def find(self, query: EventQuery, *, after: Position | None, limit: int) -> FoundEvents: ...

    def totals(self, query: EventQuery, progress: Progress | None = None) -> tuple[TypeTotal, ...]:
        """By type; every type that the query may mean and that the log holds."""
        ...

    def export(self, query: EventQuery, out: Path, progress: Progress | None = None) -> tuple[TypeTotal, ...]:
        """Writes what the query finds to a file of the kind that its suffix names (`.parquet` or `.csv`)."""
        ...

    def erasure(self, position: Position) -> Erasure | None: ...

    def copies(self, position: Position) -> Copies:
        """Where the item at a position, and everything received under its identity, is stored."""
        ...

    def erase(self, position: Position, keep: Kept, decision: Decision) -> Erased:
        """Replaces the personal data of an item and of everything received under its identity.

        `keep` names the text fields of each event type that usage is counted by. Erasing again is safe, and
        cleans what came since.
        """
        ...
