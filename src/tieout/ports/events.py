"""The event log: what it takes in, what it holds, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from tieout.contract.event_contract import ContractBook
from tieout.evidence.piece import Piece, PiecePlace
from tieout.ingest.block import Block
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.ingest.verdict import Verdict
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports.dispositions import Dispositions
from tieout.ports.identities import IndexStatus
from tieout.ports.lineage import LineageRows
from tieout.ports.receiving import Receiver, RequestLedger
from tieout.ports.retraction import IdentityLog, StoredEvent
from tieout.table.retracted import known_at, since_ever

if TYPE_CHECKING:
    from tieout.ports.live import CommittedBatch


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One immutable Parquet file: the events of one type and contract version in a range of batches."""

    path: str
    type: EventType
    contract_version: int
    first_batch: int
    last_batch: int
    rows: int
    sha256: str


class UnreadableSegment(IntegrityViolation):
    """A segment file is missing or cannot be read; store and engines both read segments."""

    code = "unreadable-segment"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"segment {path} cannot be read: {why}")


@dataclass(frozen=True, slots=True)
class TailPart:
    """The accepted events of one type and contract version in batches that no segment covers yet."""

    type: EventType
    contract_version: int
    table: pa.Table


@dataclass(frozen=True, slots=True)
class LogManifest:
    """What to read to see the log as of `watermark`: every event of a batch up to it is in exactly one part.

    Segments may reach past the watermark; a reader keeps only rows with `batch <= watermark`. `retracted`
    holds the identities that retractions name (`table.retracted`), and may reach past it likewise.
    """

    watermark: Watermark
    segments: tuple[SegmentFile, ...]
    tail: tuple[TailPart, ...]
    retracted: pa.Table

    def cut_at(self, watermark: Watermark) -> LogManifest:
        """What of this had come by `watermark`, less all that is retracted by now."""
        gone = since_ever(known_at(self.retracted, int(self.watermark)))
        return LogManifest(watermark, self.segments, self.tail, gone)


@dataclass(frozen=True, slots=True)
class IntakeTotals:
    """What became of everything one intake received: counts by (verdict, reason), and the batches they are
    in.
    """

    received: int
    counts: Mapping[tuple[Verdict, Reason], int]
    first_batch: int | None
    last_batch: int | None


class Stretch(Protocol):
    """Whole lines that any process of this machine can read for itself; `read_again` never gives others."""

    def read(self) -> bytes: ...
    def read_again(self) -> bytes: ...


class Intake(Protocol):
    """Takes in what one file holds, block by block, and appends it to the log in order."""

    def lines(self, content: bytes | Stretch) -> None:
        """The file's next whole lines of NDJSON; the last may lack its newline. May be decoded elsewhere."""
        ...

    def decoded(
        self,
        block: Block,
        *,
        received_at: Instant,
        raw_items: Sequence[bytes],
        line_numbers: Sequence[int],
        redecode: Callable[[int, ContractBook], Event | Rejected],
        reading: str | None = None,
        together: bool = False,
    ) -> None:
        """Items that are decoded already, with the bytes and lines they came from.

        `redecode` types the item of a received row again, by other contracts; `reading` says how such bytes
        are read (`ingest.reading`). With `together` all are accepted in one batch, or `NotAllAccepted` is
        raised and nothing was received.
        """
        ...

    def finish(self) -> IntakeTotals:
        """Returns once everything is durable."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """An item that was refused, or contradicts an accepted event, with its bytes as they came.

    `original` is the accepted event that a conflict contradicts. Items in lists have empty `raw`. `reading`
    says how the bytes are read (`ingest.reading`); None where the log did not keep it.
    """

    position: Position
    verdict: Verdict
    reason: Reason
    field: str | None
    detail: str
    source: str
    event_id: str | None
    origin: str
    line: int
    received_at: Instant
    original: Position | None
    raw: bytes
    reading: str | None = None


@dataclass(frozen=True, slots=True)
class LogFinding:
    """One thing in log or books that is not as it was written: what, where, and how it shows."""

    what: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class LogVerification:
    """What `verify` read, and everything it found wrong; nothing is wrong where `findings` is empty."""

    batches: int
    received: int
    accepted: int
    segments: int
    head_digest: bytes
    findings: tuple[LogFinding, ...]


class OrphanSearch(Enum):
    """Whether a round of compaction looks for files that no row names: it has to list them all.

    IF_COMPACTED spares a storage of segments that is down where nothing was due for it.
    """

    ALWAYS = "always"
    IF_COMPACTED = "if compacted"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What one round of compaction did: segments written from bodies and by merging, files collected that
    nothing named, and retired bodies, key entries and segments removed. `busy`: another process was at it.
    """

    compacted: int = 0
    merged: int = 0
    orphans: int = 0
    removed: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """Received items by source, hour received, verdict and reason: the numbers of law L1."""

    source: str
    hour: Instant
    verdict: Verdict
    reason: Reason
    items: int


class EventLog(IdentityLog, RequestLedger, Protocol):
    """The log as the rest of the house reads and writes it."""

    @property
    def identity_secret(self) -> bytes: ...

    def head(self) -> Watermark: ...

    def intake(
        self, book: ContractBook, *, origin: str, default_source: str | None, workers: int
    ) -> AbstractContextManager[Intake]:
        """Leaving with an error drops what is not durable yet; what was appended stays."""
        ...

    def receiver(self) -> Receiver:
        """Group commit for a server: whole requests in, a receipt for each out."""
        ...

    def compact(self, *, rows_min: int | None = None) -> int:
        """Turns what is due into segments; returns how many were written."""
        ...

    def maintain(
        self, *, rows_min: int | None = None, orphans: OrphanSearch = OrphanSearch.ALWAYS
    ) -> Maintenance:
        """One round of compaction: what is due becomes segments, small segments are merged, what was retired
        long enough is deleted, and so are the orphans that are looked for.
        Raises a refusal where database or segments cannot be written; nothing is lost then.
        """
        ...

    def keeping(self) -> AbstractContextManager[bool]:
        """True for the one process that may keep the log now; held until the end. Never waits."""
        ...

    def checkpoint(self) -> int:
        """Shortens the database's write-ahead log off the commit path; returns `wal_bytes`."""
        ...

    def wal_bytes(self) -> int:
        """How long the database's write-ahead log is; 0 where it has none of its own."""
        ...

    def write_lags(self) -> None:
        """Writes when the last batches of this process became queryable; its next commit would do so too."""
        ...

    def tallies(self) -> tuple[Tally, ...]: ...

    def dispositions(self, upto: Watermark) -> Dispositions:
        """Both sides of law L1 of every batch up to it, but for the accepted events."""
        ...

    def quarantine(self, *, reason: Reason | None, limit: int) -> tuple[QuarantinedItem, ...]: ...

    def quarantined(self, position: Position) -> QuarantinedItem | None: ...

    def event_at(self, position: Position) -> StoredEvent | None: ...

    def verify(self, progress: Callable[[int, int], None] | None = None) -> LogVerification:
        """One streaming pass over everything stored; `progress` takes (batches done, batches in all)."""
        ...

    def rebuild_index(self, progress: Callable[[int, int], None] | None = None) -> IndexStatus:
        """Builds the identity index again from the log, to the same bytes; `progress` as of `verify`."""
        ...

    def index_status(self) -> IndexStatus: ...

    def committed(self, after: Watermark, *, rows_max: int) -> list[CommittedBatch]:
        """The batches behind `after` in order: the next one, and as many more as hold `rows_max` events."""
        ...

    def batch_digest(self, batch: Watermark) -> bytes | None:
        """What the chain says at the end of a batch; None where there is no such batch."""
        ...

    def pieces(self, *, after: Watermark, upto: Watermark) -> Iterator[Piece]:
        """The log behind `after` up to `upto` in pieces: each event in exactly one, each piece with the root
        of the tree over it. Takes about a second for each million events. Raises `UnreadableSegment`.
        """
        ...

    def piece_again(self, place: PiecePlace) -> tuple[int, bytes]:
        """How many events a piece holds and the root over them, computed from the rows. Raises
        `UnreadableSegment`."""
        ...

    def piece_counts(self, *, after: Watermark, upto: Watermark) -> Mapping[tuple[EventType, int], int]:
        """How many events of each type and contract version lie behind `after` up to `upto`."""
        ...

    def received_at(self, batch: Watermark) -> Instant | None:
        """When a batch was received; None where there is no such batch."""
        ...

    def manifest(self, watermark: Watermark | None = None, *, distrust: bool = False) -> LogManifest:
        """With `distrust`, local copies of remote segments are compared with their digests again, and
        fetched where they differ.
        """
        ...

    def events(
        self,
        spans: Mapping[Subject, Sequence[Period]],
        types: frozenset[EventType],
        *,
        watermark: Watermark,
        after: Watermark | None = None,
    ) -> Iterator[StoredEvent]:
        """Accepted events of these subjects inside these periods, in position order, up to `watermark`.

        With `after`, only those of batches later than it: the late ones.
        """
        ...

    def lineage_rows(
        self,
        windows: Mapping[Subject, Sequence[Period]],
        event_type: EventType,
        *,
        watermark: Watermark,
        distrust: bool = False,
    ) -> LineageRows:
        """The same events column-wise, for counts in bounded memory; `distrust` as of `manifest`."""
        ...
