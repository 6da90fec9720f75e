"""Every way Tieout touches the world, as Protocols, one file for each part of it.

Flows and engines depend on these names; stores, engines and gateways fit them; `wiring` joins the two.
"""

from __future__ import annotations

from tieout.ports.arrivals import ArrivalLog, Arrivals
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
    TailPart,
    Tally,
    UnreadableSegment,
)
from tieout.ports.retraction import EMPTY_LOG, IdentityLog, NotAllAccepted, StoredEvent
from tieout.ports.usage import UsageEngine
from tieout.ports.world import Clock, Entropy, HealthFact, Signer

__all__ = [
    "EMPTY_LOG",
    "ArrivalLog",
    "Arrivals",
    "Books",
    "Clock",
    "CloseStore",
    "DocumentStore",
    "Entropy",
    "EventLog",
    "HealthFact",
    "IdentityLog",
    "Intake",
    "IntakeTotals",
    "InvoiceStore",
    "LogFinding",
    "LogManifest",
    "LogVerification",
    "NotAllAccepted",
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
