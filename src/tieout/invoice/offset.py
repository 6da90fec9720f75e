"""A paper below zero is put against what is still open of the invoices that it corrects; only the rest is
owed to the customer, or given back.

How much is open is known when it is sealed, no earlier: a payment may come in until then. So these entries
are decided, and posted, inside the sealing transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieout.invoice.invoice import Invoice
from tieout.kernel.calendar import local_date
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money
from tieout.kernel.zone import zone
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting

APPLIED = "applied/"
REFUND = "refund/"


@dataclass(frozen=True, slots=True)
class Offset:
    """`amount`, above zero, may go against the invoices, in their order. `is_refunded`: the rest is given
    back at once instead of staying with the customer; then a person decided it."""

    note: InvoiceId
    number: str
    customer: CustomerId
    zone_name: str
    amount: Money
    against: tuple[InvoiceId, ...]
    at: Instant
    person: str | None = None
    is_refunded: bool = False


def offset_of(invoice: Invoice) -> Offset | None:
    """Of a sealed paper; None where nothing is below zero."""
    if invoice.total.minor >= 0:
        return None
    assert invoice.number is not None and invoice.issued_at is not None, "a sealed paper has both"
    return Offset(
        note=invoice.id,
        number=invoice.number,
        customer=invoice.key.customer,
        zone_name=invoice.customer.zone,
        amount=-invoice.total,
        against=corrected_invoices(invoice),
        at=invoice.issued_at,
    )


def corrected_invoices(invoice: Invoice) -> tuple[InvoiceId, ...]:
    """The papers whose lines its own lines take something off, or name as the original; each once."""
    found: dict[InvoiceId, None] = {}
    for line in invoice.lines:
        for each in line.earlier:
            found[each.invoice] = None
        if line.correction is not None and line.correction.original is not None:
            found[InvoiceId(line.correction.original.rpartition("-")[0])] = None
    return tuple(found)


def offset_entries(offset: Offset, open_minor: Mapping[InvoiceId, int]) -> tuple[Entry, ...]:
    """`open_minor`: what is open of each invoice, in the currency of the paper. What an entry puts against an
    invoice is an entry of that invoice, so that what is open of it is the sum of its postings."""
    left = offset.amount.minor
    made = []
    for invoice in offset.against:
        applied = min(max(open_minor.get(invoice, 0), 0), left)
        left -= applied
        if applied:
            name = f"{APPLIED}{offset.note}/{invoice}"
            made.append(_entry(offset, name, EntryKind.CREDIT_NOTE, Account.RECEIVABLE, applied, invoice))
    if left and offset.is_refunded:
        name = f"{REFUND}{offset.note}"
        made.append(_entry(offset, name, EntryKind.REFUND, Account.CLEARING, left, offset.note))
    return tuple(made)


def _entry(
    offset: Offset, name: str, kind: EntryKind, account: Account, minor: int, invoice: InvoiceId
) -> Entry:
    unit = offset.amount.currency
    verb = "refunded" if kind is EntryKind.REFUND else "put against what is open"
    return Entry(
        id=name,
        kind=kind,
        customer=offset.customer,
        effective_at=offset.at,
        postings=(
            Posting(Account.CUSTOMER_BALANCE, Money(minor, unit)),
            Posting(account, Money(-minor, unit)),
        ),
        reason=f"credit note {offset.number} {verb}",
        invoice=invoice,
        person=offset.person,
        effective_on=local_date(offset.at, zone(offset.zone_name)),
    )
