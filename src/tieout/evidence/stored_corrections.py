"""What the books hold about corrections: reports of what would change, who approved them, which papers carry
them, and which papers were voided."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.evidence.stored import StoredCharge, StoredInvoice, StoredLine
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class SettledRow:
    """A line of a paper that stands, with its charge; `invoice` comes without its document."""

    invoice: StoredInvoice
    charge: StoredCharge
    line: StoredLine


@dataclass(frozen=True, slots=True)
class StoredApproval:
    """Who approved a report, and why."""

    person: str
    reason: str
    approved_at: Instant


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A delta report as it was previewed: `report` and `documents` are canonical JSON; `digest` is over both.
    `documents` are those of a corrected catalog, which its approval applies."""

    digest: str
    kind: str
    report: str
    documents: str
    person: str
    reason: str
    previewed_at: Instant
    approvals: tuple[StoredApproval, ...] = ()


@dataclass(frozen=True, slots=True)
class BilledCorrection:
    """`invoice` carries what the report of that digest says about a period of the customer; the digest is
    empty where the signed policy approves in advance."""

    digest: str
    invoice: InvoiceId
    customer: CustomerId
    period: Period


@dataclass(frozen=True, slots=True)
class StoredVoid:
    """A paper that was voided; it keeps its number."""

    invoice: StoredInvoice
    person: str
    reason: str
    voided_at: Instant
