"""Every way Tieout touches the world, as Protocols, on one page.

Flows and engines depend on these names; stores, engines and gateways fit them; `wiring` joins the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from tieout.aggregate.bucket import BucketCounts, BucketRequest
from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.close.account import AccountOutcome, RecordedOutcome
from tieout.contract.document import Document
from tieout.contract.event_contract import ContractBook
from tieout.contract.signature import Signature, SigningKey
from tieout.evidence.stored import SealedRows, StoredEvidence, StoredInvoice, StoredSnapshot
from tieout.ingest.block import Block
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.ingest.verdict import Verdict
from tieout.invoice.invoice import InvoiceKey
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import (
    CustomerId,
    EventType,
    HomeId,
    KeyId,
    LineId,
    Position,
    Subject,
    SubscriptionId,
    Watermark,
)
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import QuantityOverflow


class Clock(Protocol):
    """Where the present comes from. Nothing below the flows may ask for it."""

    def now(self) -> Instant: ...


class Entropy(Protocol):
    """Where unpredictable bytes come from: identity keys, commit ids, home ids."""

    def token(self, bytes_count: int) -> bytes: ...


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

    Segments may reach past the watermark; a reader keeps only rows with `batch <= watermark`.
    """

    watermark: Watermark
    segments: tuple[SegmentFile, ...]
    tail: tuple[TailPart, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An accepted event as the log holds it, with the digest lanes that were stored beside it."""

    position: Position
    event: Event
    lane_a: int
    lane_b: int


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
    ) -> None:
        """Items that are decoded already, with the bytes and lines they came from.

        `redecode` types the item of a received row again, by other contracts.
        """
        ...

    def finish(self) -> IntakeTotals:
        """Returns once everything is durable."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """An item that was refused, or contradicts an accepted event, with its bytes as they came.

    `original` is the accepted event that a conflict contradicts. Items in lists have empty `raw`.
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


@dataclass(frozen=True, slots=True)
class Tally:
    """Received items by source, hour received, verdict and reason: the numbers of law L1."""

    source: str
    hour: Instant
    verdict: Verdict
    reason: Reason
    items: int


class EventLog(Protocol):
    """The log as the rest of the house reads and writes it."""

    @property
    def identity_secret(self) -> bytes: ...

    def head(self) -> Watermark: ...

    def intake(
        self, book: ContractBook, *, origin: str, default_source: str | None, workers: int
    ) -> AbstractContextManager[Intake]:
        """Leaving with an error drops what is not durable yet; what was appended stays."""
        ...

    def compact(self, *, rows_min: int | None = None) -> int:
        """Turns what is due into segments; returns how many were written."""
        ...

    def tallies(self) -> tuple[Tally, ...]: ...

    def quarantine(self, *, reason: Reason | None, limit: int) -> tuple[QuarantinedItem, ...]: ...

    def quarantined(self, position: Position) -> QuarantinedItem | None: ...

    def event_at(self, position: Position) -> StoredEvent | None: ...

    def verify(self, progress: Callable[[int, int], None] | None = None) -> LogVerification:
        """One streaming pass over everything stored; `progress` takes (batches done, batches in all)."""
        ...

    def manifest(self, watermark: Watermark | None = None) -> LogManifest: ...

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


class UsageEngine(Protocol):
    """Computes snapshots at scale; equal digit for digit to `aggregate.measure`."""

    def measure_each(
        self, requests: Sequence[UsageRequest], manifest: LogManifest
    ) -> list[Snapshot | QuantityOverflow]:
        """One answer per request, in their order: a snapshot, or the overflow that parks its account
        alone.
        """
        ...

    def bucket_counts(self, requests: Sequence[BucketRequest], manifest: LogManifest) -> list[BucketCounts]:
        """Where every accepted event of each meter's type went, as of the manifest's watermark."""
        ...

    def recount(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Recount]:
        """The same usage by code that shares nothing with `measure_each`; one per request, in their order."""
        ...


class Signer(Protocol):
    """Reads public keys and checks signatures. Private keys never come here: signing happens at a person's
    desk.
    """

    def public_key(self, file: Path) -> bytes:
        """The 32 bytes of an Ed25519 public key file; refuses anything else."""
        ...

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool: ...


class DocumentStore(Protocol):
    """Applied catalog documents: whole, digested, for ever."""

    def revision(self) -> int:
        """Grows with every document added; the same number means the same catalog."""
        ...

    def all(self) -> tuple[Document, ...]:
        """In the order in which they were applied."""
        ...

    def add(self, documents: Sequence[Document], *, applied_at: Instant) -> None: ...


class SignatureStore(Protocol):
    """Registered public keys and recorded signatures."""

    def signing_keys(self) -> tuple[SigningKey, ...]: ...

    def add_key(self, key: SigningKey) -> None: ...

    def revoke_key(self, key_id: KeyId, *, at: Instant) -> None: ...

    def signatures(self) -> tuple[Signature, ...]: ...

    def add(self, signature: Signature) -> None: ...


class CloseStore(Protocol):
    """Runs of the close and what became of each account in them."""

    def start(self, *, as_of: Instant, cutoff: Watermark, cutoff_at: Instant) -> int: ...

    def record(self, run: int, outcomes: Sequence[AccountOutcome]) -> None: ...

    def end(self, run: int, *, at: Instant) -> None: ...

    def latest(self) -> tuple[RecordedOutcome, ...]:
        """For each account and period the outcome of the last run that looked at it."""
        ...


class InvoiceStore(Protocol):
    """Sealed invoices and all that stands behind their lines."""

    def sealed(self, customer: CustomerId | None = None) -> tuple[StoredInvoice, ...]:
        """By customer, period and number, with empty `document`s (they are large); see `find`."""
        ...

    def find(self, id_or_number: str) -> StoredInvoice | None: ...

    def evidence(self, line: LineId) -> StoredEvidence | None: ...

    def snapshots(self, customer: CustomerId | None = None) -> tuple[StoredSnapshot, ...]: ...

    def billed(self) -> Mapping[SubscriptionId, tuple[Period, ...]]:
        """The billing periods that are sealed for each subscription, in order; no two overlap."""
        ...

    def last_numbers(self) -> dict[str, int]:
        """The last number that each series has given out."""
        ...

    def seal(self, key: InvoiceKey, *, run: int, issue: Callable[[int], SealedRows]) -> StoredInvoice | None:
        """Takes the series' next number, asks `issue` for the rows and writes them, all in one transaction.

        None where the key is sealed already: nothing was written and no number was used.
        """
        ...


@dataclass(frozen=True, slots=True)
class HealthFact:
    """One thing a store says about itself: whether it is as it should be, and what it is."""

    name: str
    ok: bool
    detail: str


class Books(Protocol):
    """Everything that is recorded except the events."""

    @property
    def home_id(self) -> HomeId: ...

    @property
    def documents(self) -> DocumentStore: ...

    @property
    def signatures(self) -> SignatureStore: ...

    @property
    def closes(self) -> CloseStore: ...

    @property
    def invoices(self) -> InvoiceStore: ...
