"""Every way Tieout touches the world, as Protocols, one file for each part of it.

Flows and engines depend on these names; stores, engines and gateways fit them; `wiring` joins the two.
"""

from __future__ import annotations

from tieout.ports.books import (
    ApiKeyStore,
    Books,
    CloseStore,
    DocumentStore,
    InvoiceStore,
    MovementStore,
    Sealing,
    SignatureStore,
)
from tieout.ports.breaks import BreakStore, ProposedWaiver, RecordedBreak, WaiverStore
from tieout.ports.corrections import CorrectionStore
from tieout.ports.drafts import DraftStore, ManualLineStore
from tieout.ports.events import (
    EventLog,
    Intake,
    IntakeTotals,
    LogFinding,
    LogManifest,
    LogVerification,
    Maintenance,
    OrphanSearch,
    QuarantinedItem,
    SegmentFile,
    Stretch,
    TailPart,
    Tally,
    UnreadableSegment,
)
from tieout.ports.identities import IndexedRange, IndexStatus
from tieout.ports.leases import Lease
from tieout.ports.ledger import LedgerStore
from tieout.ports.notices import (
    Acknowledgement,
    Claim,
    DueEscalation,
    NoticeChanged,
    NoticeCounts,
    NoticeFilter,
    NoticeStore,
    RecordedNotice,
    StoredMessage,
)
from tieout.ports.pipeline import (
    ArrivalOrder,
    LagCount,
    LogSizes,
    Pipeline,
    PipelineAlert,
    RefusedRequests,
    StoredControlTotal,
)
from tieout.ports.receiving import (
    Answer,
    Idempotency,
    IdempotencyClash,
    PreparedGroup,
    Receipt,
    ReceivedRequest,
    Receiver,
    RequestLedger,
    StoreBroken,
)
from tieout.ports.retraction import EMPTY_LOG, IdentityLog, NotAllAccepted, StoredEvent
from tieout.ports.review import LogReview
from tieout.ports.segments import SegmentFiles, SegmentsUnavailable
from tieout.ports.usage import UsageEngine
from tieout.ports.world import Clock, ClockReading, Entropy, HealthFact, Signer, TestClock

__all__ = [
    "EMPTY_LOG",
    "Acknowledgement",
    "Answer",
    "ApiKeyStore",
    "ArrivalOrder",
    "Books",
    "BreakStore",
    "Claim",
    "Clock",
    "ClockReading",
    "CloseStore",
    "CorrectionStore",
    "DocumentStore",
    "DraftStore",
    "DueEscalation",
    "Entropy",
    "EventLog",
    "HealthFact",
    "Idempotency",
    "IdempotencyClash",
    "IdentityLog",
    "IndexStatus",
    "IndexedRange",
    "Intake",
    "IntakeTotals",
    "InvoiceStore",
    "LagCount",
    "Lease",
    "LedgerStore",
    "LogFinding",
    "LogManifest",
    "LogReview",
    "LogSizes",
    "LogVerification",
    "Maintenance",
    "ManualLineStore",
    "MovementStore",
    "NotAllAccepted",
    "NoticeChanged",
    "NoticeCounts",
    "NoticeFilter",
    "NoticeStore",
    "OrphanSearch",
    "Pipeline",
    "PipelineAlert",
    "PreparedGroup",
    "ProposedWaiver",
    "QuarantinedItem",
    "Receipt",
    "ReceivedRequest",
    "Receiver",
    "RecordedBreak",
    "RecordedNotice",
    "RefusedRequests",
    "RequestLedger",
    "Sealing",
    "SegmentFile",
    "SegmentFiles",
    "SegmentsUnavailable",
    "SignatureStore",
    "Signer",
    "StoreBroken",
    "StoredControlTotal",
    "StoredEvent",
    "StoredMessage",
    "Stretch",
    "TailPart",
    "Tally",
    "TestClock",
    "UnreadableSegment",
    "UsageEngine",
    "WaiverStore",
]
