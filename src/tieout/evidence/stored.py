"""What the books hold about a sealed invoice, as it is stored: exact numbers are still text.

Trace compares these texts with what it recomputes, so reading them back must not repair or refuse a
tampered one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tieout.balance.movement import Movement
from tieout.invoice.offset import Offset
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, MeterKey, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ledger.entry import Entry


@dataclass(frozen=True, slots=True)
class StoredInvoice:
    """A sealed invoice. `document` is its canonical JSON, byte for byte; `sha256` was taken when it was
    sealed. `due_minor` is None where it was sealed before there were credits: all of the total is due.
    """

    id: InvoiceId
    number: str
    customer: CustomerId
    period: Period
    series: str
    currency: str
    kind: str
    sequence: int
    total_minor: int
    cutoff: int
    policy_digest: str
    document: bytes
    sha256: str
    sealed_at: Instant
    due_minor: int | None = None


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot row: `quantity` and `fingerprint` are text. `event_type` and `predicate` are its lineage;
    `breakdown`, `groups`, `conversion` and `opening` canonical JSON, where it has them.
    """

    id: str
    invoice: InvoiceId
    customer: CustomerId
    subscription: SubscriptionId
    meter: MeterKey
    meter_version: int
    meter_digest: str
    unit: str
    period: Period
    watermark: int
    quantity: str
    event_count: int
    fingerprint: str
    excluded_count: int
    retracted_count: int
    event_type: str
    predicate: str
    breakdown: str | None = None
    groups: str | None = None
    conversion: str | None = None
    opening: str | None = None


@dataclass(frozen=True, slots=True)
class StoredCharge:
    """A charge row: `amount` is an exact text in whole currency units, `steps` canonical JSON, and
    `grouped_by` too: the dimensions and values of the usage that it is for, where its price groups.
    `program`: key and version (`stripe-connect v1`) of the fee program whose price it is. `terms`, canonical
    JSON, are None for the price as its plan lists it.
    """

    id: str
    invoice: InvoiceId
    snapshot: str | None
    subscription: SubscriptionId
    price: PriceKey
    price_version: int
    price_digest: str
    plan: PlanKey
    plan_version: int
    period: Period
    segment: Period
    quantity: str
    unit: str
    amount: str
    steps: str
    program: str | None = None
    grouped_by: str | None = None
    terms: str | None = None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line row: `amount_minor` in minor units of the invoice's currency. `earlier` and `correction` are
    JSON texts, where the line has them."""

    id: LineId
    invoice: InvoiceId
    ordinal: int
    charge: str
    description: str
    meter: MeterKey | None
    quantity: str
    unit: str
    amount_minor: int
    earlier: str | None = None
    correction: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewedDraft:
    """The revision of a draft that people looked at, and how many entries about it had been made when it was
    decided that it may be sealed."""

    invoice: InvoiceId
    revision: int
    entries_seen: int


Row = tuple[str | int | bytes | None, ...]
"""In the order of its table's columns."""


class EntryRow(NamedTuple):
    """A journal entry but for what the books find when it is posted: its month, and when it was booked.
    `at_issue`: it takes effect when its paper is issued."""

    id: str
    kind: str
    customer: str
    invoice: str | None
    effective_at: int
    effective_on: str
    reverses: str | None
    person: str | None
    reason: str
    at_issue: bool


@dataclass(frozen=True, slots=True)
class LaidOut:
    """The rows of a seal that do not hang on its number, as the books write them. `manual_lines`: the ids of
    the lines that people asked for among them."""

    snapshots: tuple[Row, ...]
    charges: tuple[Row, ...]
    lines: tuple[Row, ...]
    entries: tuple[EntryRow, ...]
    postings: tuple[Row, ...]
    manual_lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class SealedRows:
    """Everything one sealing writes, in one transaction. `movements` were worked out when the customer had
    `movements_seen`; where that is no longer so, nothing is written. `entries` are posted with it. Nor is
    anything written where somebody has said more about the draft that was `reviewed`, or other interim
    invoices of the period stand than `interims_seen` (None: the policy allows none). `corrects`: by report
    (empty: by policy) the periods that it corrects, worked out when the customer had `papers_seen` papers and
    voids, and `disputes_seen` events of disputes; None where it does not matter. `offset`: what a paper below
    zero is put against. `laid_out`: snapshots, charges, lines and entries, where that was done beforehand;
    these members are empty then.
    """

    invoice: StoredInvoice
    snapshots: tuple[StoredSnapshot, ...]
    charges: tuple[StoredCharge, ...]
    lines: tuple[StoredLine, ...]
    movements: tuple[Movement, ...] = ()
    movements_seen: int = 0
    entries: tuple[Entry, ...] = ()
    interims_seen: frozenset[InvoiceId] | None = None
    corrects: tuple[tuple[str, Period], ...] = ()
    papers_seen: int | None = None
    reviewed: ReviewedDraft | None = None
    offset: Offset | None = None
    laid_out: LaidOut | None = None
    disputes_seen: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """One line with all that stands behind it. `snapshot` is None for a price without a meter."""

    line: StoredLine
    charge: StoredCharge
    snapshot: StoredSnapshot | None
    invoice: StoredInvoice
