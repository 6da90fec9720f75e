"""An invoice: who owes whom what for which period, under which policy, as of which cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final

from tieout.contract.party import Customer, Seller
from tieout.invoice.amounts import CreditUsed, InvoiceDiscount, TaxAmount
from tieout.invoice.line import Line
from tieout.invoice.off_cycle import OffCycleReason
from tieout.invoice.status import Status
from tieout.invoice.waived import Waived
from tieout.kernel.canonical import token
from tieout.kernel.ids import CustomerId, InvoiceId, MeterKey, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money
from tieout.kernel.period import Period

KIND_FINAL = "final"
"""The invoice that ends a period."""
KIND_INTERIM = "interim"
"""Bills a period that still runs, up to the cutoff."""
KIND_NOTE = "note"
"""Corrects sealed invoices of a period at once: a credit note below zero, a debit note above."""


class Paper(StrEnum):
    """What the customer holds in hand. An invoice below zero is a credit note, whatever its kind."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit note"
    DEBIT_NOTE = "debit note"


SERIES_SUFFIX: Final = {Paper.INVOICE: "", Paper.CREDIT_NOTE: "-CN", Paper.DEBIT_NOTE: "-DN"}
"""Each kind of paper is numbered in a series of its own."""


def paper_of(kind: str, total: Money) -> Paper:
    """By kind and sign."""
    if total.minor < 0:
        return Paper.CREDIT_NOTE
    return Paper.DEBIT_NOTE if kind == KIND_NOTE else Paper.INVOICE


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """The trigger policy an invoice stands under, and who signed it (role and key id, in that order)."""

    key: str
    version: int
    digest: str
    signatures: tuple[tuple[str, str], ...]
    small_team_exception: str | None


@dataclass(frozen=True, slots=True)
class MeterApproval:
    """A version of a meter after its first, by which lines were measured, and the owner who signed it."""

    meter: MeterKey
    version: int
    owner: str
    key_id: str


@dataclass(frozen=True, slots=True)
class InvoiceKey:
    """What makes an invoice this invoice and no other (L11)."""

    customer: CustomerId
    period: Period
    series: str
    currency: str
    kind: str
    sequence: int

    @property
    def invoice_id(self) -> InvoiceId:
        """`in_` and 16 hex digits of a SHA-256 over the length-prefixed parts: the same for every redraft."""
        account = ("invoice/1", self.customer, str(self.period.start), str(self.period.end))
        paper = (self.series, self.currency, self.kind, str(self.sequence))
        joined = b"".join(token(part.encode()) for part in (*account, *paper))
        return InvoiceId("in_" + sha256(joined).hexdigest()[:16])


@dataclass(frozen=True, slots=True)
class Invoice:
    """A draft, held, ready or sealed invoice. Sealing gives it `number`, `issued_at` and `due_date`.

    `subtotal` is of the lines; `total` after discounts and taxes; `due` after the credits. `replaces`: the
    numbers of voided papers in whose place it stands. `off_cycle`: why a period that runs is billed.
    `waived`: differences to sources' statements that it was sealed in spite of.
    """

    id: InvoiceId
    key: InvoiceKey
    status: Status
    number: str | None
    issued_at: Instant | None
    due_date: date | None
    currency: Currency
    customer: Customer
    seller: Seller
    lines: tuple[Line, ...]
    subtotal: Money
    total: Money
    cutoff: Watermark
    policy: PolicyReference
    tzdata_version: str
    software_version: str
    discounts: tuple[InvoiceDiscount, ...] = ()
    taxes: tuple[TaxAmount, ...] = ()
    credits: tuple[CreditUsed, ...] = ()
    approvals: tuple[MeterApproval, ...] = ()
    replaces: tuple[str, ...] = ()
    off_cycle: OffCycleReason | None = None
    waived: tuple[Waived, ...] = ()

    @property
    def paper(self) -> Paper:
        return paper_of(self.key.kind, self.total)

    @property
    def number_series(self) -> str:
        """The series that its number is taken from."""
        return self.key.series + SERIES_SUFFIX[self.paper]

    @property
    def due(self) -> Money:
        """What is left to pay: the total, less the credits."""
        return sum((-credit.amount for credit in self.credits), self.total)

    @property
    def period(self) -> Period:
        return self.key.period

    @property
    def counts_at(self) -> Instant:
        """When what it moves takes effect: the last instant of its period, or that of an off-cycle bill."""
        return self.period.last_instant if self.off_cycle is None else self.off_cycle.as_of
