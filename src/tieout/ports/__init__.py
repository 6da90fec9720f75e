"""Every way Tieout touches the world, as Protocols, one file for each part of it.

Flows and engines depend on these names; stores, engines and gateways fit them; `wiring` joins the two.
"""

from __future__ import annotations

from tieout.ports.books import Books, CloseStore, DocumentStore, InvoiceStore, SignatureStore
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
from tieout.ports.review import LogReview
from tieout.ports.usage import UsageEngine
from tieout.ports.world import Clock, Entropy, HealthFact, Signer

__all__ = [
    "Books",
    "Clock",
    "CloseStore",
    "DocumentStore",
    "Entropy",
    "EventLog",
    "HealthFact",
    "Intake",
    "IntakeTotals",
    "InvoiceStore",
    "LogFinding",
    "LogManifest",
    "LogReview",
    "LogVerification",
    "QuarantinedItem",
    "SegmentFile",
    "SignatureStore",
    "Signer",
    "StoredEvent",
    "TailPart",
    "Tally",
    "UnreadableSegment",
    "UsageEngine",
]
