"""What is recorded of a dispute: events that are only added. The dispute is what they fold to."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.kernel.canonical import token
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money

FINDINGS_MAX = 20
"""Findings of an examination that are kept in words; all are counted."""
Outcome = Literal[Act.UPHELD, Act.PARTLY_UPHELD, Act.REJECTED, Act.WITHDRAWN]


@dataclass(frozen=True, slots=True)
class PackRef:
    """The evidence pack: the digest under which it is kept, and that of its signed manifest."""

    sha256: str
    manifest_sha256: str
    bytes_count: int
    events: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What is disputed of `line`, or (None) of the invoice as a whole. `amount` of a line is meant as the
    line prints it, before taxes that are added; of an invoice with them. `with_tax`: what of the invoice is
    not collected meanwhile. Both in minor units, above zero."""

    type: DisputeType
    line: LineId | None
    currency: Currency
    amount: int
    with_tax: int

    def __post_init__(self) -> None:
        assert self.amount > 0 <= self.with_tax, "something is disputed"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def asked(self) -> int:
        """What is to be given back: of a line before taxes that are added, of a whole invoice with them."""
        return self.amount if self.line is not None else self.with_tax


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Instants at which the last local day has ended."""

    respond_by: Instant
    decide_by: Instant


@dataclass(frozen=True, slots=True)
class Opened:
    """`owners`: who answers for it, by role. `pack` None: none could be built, and `without_pack` says why.
    `api_key`: by which key of the HTTP interface, if by one."""

    claim: Claim
    reason: str
    zone_name: str
    owners: tuple[tuple[Role, str], ...]
    deadlines: Deadlines
    pack: PackRef | None
    without_pack: str | None
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Noted:
    text: str


@dataclass(frozen=True, slots=True)
class Messaged:
    """To the customer. `notice`: under which id the outbox has it."""

    text: str
    notice: str


@dataclass(frozen=True, slots=True)
class Assigned:
    role: Role
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Isolation:
    """The hold: engineering answers for the defect, ops keeps the customer informed, first by `update_by`."""

    reason: str
    engineering: str
    ops: str
    update_by: Instant


@dataclass(frozen=True, slots=True)
class TracedAmount:
    """A line of the pack traced anew: what the evidence came to, and whether all of it agrees."""

    line: LineId
    amount: str | None
    matches: bool


@dataclass(frozen=True, slots=True)
class Examined:
    """The pack verified and the lines traced. `findings`: the first of `found`. `isolation` where the records
    conflict, else None."""

    pack: PackRef | None
    lines: tuple[TracedAmount, ...]
    findings: tuple[str, ...]
    found: int
    isolation: Isolation | None


@dataclass(frozen=True, slots=True)
class Isolated:
    """By a person: the customer's records, or others, say something else."""

    isolation: Isolation


@dataclass(frozen=True, slots=True)
class Released:
    """`defect`: whether a defect of ours was found. `agreed_by` is of ops."""

    reason: str
    defect: bool
    agreed_by: str


@dataclass(frozen=True, slots=True)
class CreditGiven:
    """A credit note for a line: `amount` minor units before taxes that are added, `with_tax` the note's."""

    line: LineId
    note: InvoiceId
    amount: int
    with_tax: int


@dataclass(frozen=True, slots=True)
class Decided:
    """`approved_by` is of finance, where anything is given back. `corrected`: a correction of the period had
    given it back already, so that no note was needed."""

    outcome: Outcome
    reason: str
    approved_by: str | None
    credits: tuple[CreditGiven, ...]
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Reopened:
    reason: str
    deadlines: Deadlines


Said = Opened | Noted | Messaged | Assigned | Examined | Isolated | Released | Decided | Reopened


@dataclass(frozen=True, slots=True)
class DisputeEvent:
    """The `ordinal`-th of its dispute, from 1. `person` said or did it."""

    dispute: str
    ordinal: int
    customer: CustomerId
    invoice: InvoiceId
    at: Instant
    person: str
    said: Said

    @property
    def act(self) -> Act:
        return act_of(self.said)


def act_of(said: Said) -> Act:
    match said:
        case Opened():
            return Act.OPENED
        case Noted():
            return Act.NOTED
        case Messaged():
            return Act.MESSAGED
        case Assigned():
            return Act.ASSIGNED
        case Examined():
            return Act.REPRODUCED if said.isolation is None else Act.CONFLICTED
        case Isolated():
            return Act.ISOLATED
        case Released():
            return Act.RELEASED
        case Decided():
            return said.outcome
        case Reopened():
            return Act.REOPENED


def dispute_id(invoice: InvoiceId, ordinal: int) -> str:
    """Of the `ordinal`-th dispute of an invoice."""
    said = b"".join(token(part.encode()) for part in ("dispute/1", invoice, str(ordinal)))
    return "dp_" + sha256(said).hexdigest()[:16]
