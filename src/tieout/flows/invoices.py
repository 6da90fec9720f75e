"""The sealed paper: listed, and shown byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from tieout.dispute.room import collectable
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.disputes import disputed_by_invoice
from tieout.flows.home import Home
from tieout.invoice.invoice import KIND_FINAL, Invoice
from tieout.invoice.off_cycle import OffCycleReason, parse_off_cycle
from tieout.invoice.status import Status
from tieout.kernel.errors import IntegrityViolation, NotFound, shown
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period

VOIDED = "voided"
"""The paper and its number stay; nothing of it holds any more."""


class NoSuchInvoice(NotFound):
    """There is no sealed invoice of that id or number."""

    code = "no-such-invoice"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no invoice {shown(name)} here; `tieout invoice list` names those there are."
        )


class InvoiceDamaged(IntegrityViolation):
    """The stored document is not the one that was sealed."""

    code = "invoice-damaged"

    def __init__(self, invoice: StoredInvoice, found: str) -> None:
        super().__init__(
            f"The document of invoice {invoice.number} has the SHA-256 {found}; "
            f"it was sealed with {invoice.sha256}."
        )


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice as lists show it; `number` is None for a draft. `due` is what the document asks for, `open`
    what of it is still owed now (below zero: to the customer); None where the ledger has no entries of it: of
    a draft, and of what was sealed before there was a ledger. `off_cycle` says why a running period was
    billed; the list of all does not read it. `disputed`: what open disputes keep from being collected.
    `draft` is the paper itself, where it is one."""

    id: InvoiceId
    number: str | None
    customer: CustomerId
    currency: str
    period: Period
    status: str
    total: Money
    due: Money
    kind: str = KIND_FINAL
    off_cycle: OffCycleReason | None = None
    open: Money | None = None
    draft: Invoice | None = field(default=None, compare=False, repr=False)
    disputed: Money | None = None

    @property
    def collectable(self) -> Money | None:
        """Of what is open, what may be asked for: only what is disputed waits."""
        if self.open is None or self.disputed is None or self.open.minor < 0:
            return self.open
        return Money(collectable(self.open.minor, self.disputed.minor), self.open.currency)


def list_invoices(home: Home, customer: CustomerId | None = None) -> tuple[InvoiceRow, ...]:
    """Sealed invoices by customer, period and number. Raises `NoSuchCustomer`."""
    voided = {each.invoice.id for each in home.books.corrections.voids()}
    sealed = home.books.invoices.sealed(customer)
    if customer is not None and not sealed and customer not in load_catalog(home).customers:
        raise NoSuchCustomer(customer)
    owed, before = home.books.ledger.open_receivables(customer), home.books.ledger.before_ledger()
    disputed = disputed_by_invoice(home, customer)
    rows = (
        replace(
            row_of(invoice),
            open=None if invoice.id in before else Money(owed.get(invoice.id, 0), currency(invoice.currency)),
            disputed=Money(disputed.get(invoice.id, 0), currency(invoice.currency)),
        )
        for invoice in sealed
    )
    return tuple(replace(row, status=VOIDED) if row.id in voided else row for row in rows)


def show_invoice(home: Home, id_or_number: str) -> StoredInvoice:
    """The stored invoice, its document checked against its digest. Raises `NoSuchInvoice` or
    `InvoiceDamaged`.
    """
    found = home.books.invoices.find(id_or_number)
    if found is None:
        raise NoSuchInvoice(id_or_number)
    digest = sha256(found.document).hexdigest()
    if digest != found.sha256:
        raise InvoiceDamaged(found, digest)
    return found


def row_of(invoice: StoredInvoice) -> InvoiceRow:
    unit = currency(invoice.currency)
    return InvoiceRow(
        invoice.id,
        invoice.number,
        invoice.customer,
        invoice.currency,
        invoice.period,
        Status.SEALED.value,
        Money(invoice.total_minor, unit),
        Money(invoice.total_minor if invoice.due_minor is None else invoice.due_minor, unit),
        kind=invoice.kind,
        off_cycle=parse_off_cycle(invoice.document) if invoice.document else None,
    )


def draft_row(invoice: Invoice) -> InvoiceRow:
    return InvoiceRow(
        invoice.id,
        None,
        invoice.key.customer,
        invoice.key.currency,
        invoice.period,
        invoice.status.value,
        invoice.total,
        invoice.due,
        kind=invoice.key.kind,
        off_cycle=invoice.off_cycle,
        draft=invoice,
    )
