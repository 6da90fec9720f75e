"""Every way Tieout touches the world, as Protocols, one file for each part of it.

Flows and engines depend on these names; stores, engines and gateways fit them; `wiring` joins the two.
"""

from __future__ import annotations

from tieout.ports.books import ApiKeyStore, Books, CloseStore, DocumentStore, InvoiceStore, SignatureStore
from tieout.ports.events import (
    EventLog,
    Intake,
    IntakeTotals,
    LogFinding,
    LogManifest,
    LogVerification,
    QuarantinedItem,
    SegmentFile,
    StoredEvent,
    TailPart,
    Tally,
    UnreadableSegment,
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
from tieout.ports.usage import UsageEngine
from tieout.ports.world import Clock, Entropy, HealthFact, Signer

__all__ = [
    "Answer",
    "ApiKeyStore",
    "Books",
    "Clock",
    "CloseStore",
    "DocumentStore",
    "Entropy",
    "EventLog",
    "HealthFact",
    "Idempotency",
    "IdempotencyClash",
    "Intake",
    "IntakeTotals",
    "InvoiceStore",
    "LogFinding",
    "LogManifest",
    "LogVerification",
    "PreparedGroup",
    "QuarantinedItem",
    "Receipt",
    "ReceivedRequest",
    "Receiver",
    "RequestLedger",
    "SegmentFile",
    "SignatureStore",
    "Signer",
    "StoreBroken",
    "StoredEvent",
    "TailPart",
    "Tally",
    "UnreadableSegment",
    "UsageEngine",
]
