"""Payments that somebody records by hand, so that it is known what of an invoice is still open. States of
payments, gateways and refunds are a part of Tieout that is not built yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tieout.close.period_zone import zone_then
from tieout.contract.reading.table import KEY_PATTERN
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.kernel.calendar import local_date
from tieout.kernel.errors import ConflictError, Refusal, shown
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.rational import exact, exact_text
from tieout.kernel.zone import zone
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection, open_receivable
from tieout.ledger.entry import Entry, EntryKind, Posting

PAYMENT = "payment/"
PAYMENT_MINOR_MAX = 10**18 - 1


class PaymentRefused(Refusal):
    """What was paid makes no sense."""

    code = "payment-refused"


class PaymentDiffers(ConflictError):
    """The reference was used for another payment."""

    code = "payment-differs"

    def __init__(self, known: Payment) -> None:
        super().__init__(
            f"Payment {shown(known.reference)} is recorded as {known.amount} for invoice {known.invoice}; "
            "nothing was recorded. Repeat it exactly, or use another --reference."
        )


@dataclass(frozen=True, slots=True)
class Payment:
    """`applied` to the invoice's receivable, `overpaid` to the customer's balance."""

    reference: str
    customer: CustomerId
    invoice: InvoiceId
    amount: Money
    applied: Money
    overpaid: Money
    received_at: Instant
    accounting_period: str
    person: str


def record_payment(
    home: Home,
    id_or_number: str,
    *,
    amount: str,
    reference: str,
    person: str,
    received_at: Instant | None,
) -> tuple[Payment, bool]:
    """The payment, and whether it is new: the same reference is the same payment, posted once.

    Raises `PaymentRefused`, `PaymentDiffers`, `NoSuchInvoice` or `DecisionIncomplete`.
    """
    decision = decision_now(home, person=person, reason=f"payment {reference}")
    invoice = show_invoice(home, id_or_number)
    paid = _paid(home, invoice, amount, reference)
    at = decision.decided_at if received_at is None else received_at
    if at > decision.decided_at:
        raise PaymentRefused(f"Nothing was recorded: {format_instant(at)} has not come yet.")
    known: list[Payment] = []
    zone_name = zone_then(load_catalog(home), invoice.customer, at)

    def decide(entries: Sequence[Entry]) -> Sequence[Entry]:
        before = next((each for each in entries if each.id == f"{PAYMENT}{reference}"), None)
        if before is not None:
            known.append(payment_of(before))
            return ()
        applied = min(max(open_receivable(entries, invoice.id), 0), paid.minor)
        made = _entry(invoice, paid, applied, reference=reference, at=at, person=decision.person)
        return (replace(made, effective_on=local_date(at, zone(zone_name))),)

    taken = home.books.ledger.find(f"{PAYMENT}{reference}")
    if taken is not None and taken.customer != invoice.customer:
        raise PaymentDiffers(payment_of(taken))
    posted = home.books.ledger.post(
        decide, seen=Selection(customer=invoice.customer), booked_at=decision.decided_at
    )
    if posted:
        return payment_of(posted[0]), True
    if (known[0].invoice, known[0].amount) != (invoice.id, paid):
        raise PaymentDiffers(known[0])
    return known[0], False


def _entry(
    invoice: StoredInvoice, paid: Money, applied: int, *, reference: str, at: Instant, person: str
) -> Entry:
    parts = (
        (Account.CLEARING, paid.minor),
        (Account.RECEIVABLE, -applied),
        (Account.CUSTOMER_BALANCE, applied - paid.minor),
    )
    return Entry(
        id=f"{PAYMENT}{reference}",
        kind=EntryKind.PAYMENT,
        customer=invoice.customer,
        effective_at=at,
        postings=tuple(Posting(account, Money(minor, paid.currency)) for account, minor in parts if minor),
        reason=f"payment of invoice {invoice.number}",
        invoice=invoice.id,
        person=person,
    )


def list_payments(home: Home, selection: Selection) -> tuple[Payment, ...]:
    """By when they were received."""
    return tuple(
        payment_of(each)
        for each in home.books.ledger.entries(selection)
        if each.kind is EntryKind.PAYMENT and each.id.startswith(PAYMENT)
    )


def payment_of(entry: Entry) -> Payment:
    """Back from the entry that posted it."""
    unit = entry.postings[0].amount.currency
    parts = {each.account: each.amount for each in entry.postings}
    zero = Money(0, unit)
    assert entry.invoice is not None and entry.accounting_period is not None, "it is posted, for an invoice"
    return Payment(
        reference=entry.id.removeprefix(PAYMENT),
        customer=entry.customer,
        invoice=entry.invoice,
        amount=parts[Account.CLEARING],
        applied=-parts.get(Account.RECEIVABLE, zero),
        overpaid=-parts.get(Account.CUSTOMER_BALANCE, zero),
        received_at=entry.effective_at,
        accounting_period=entry.accounting_period,
        person=entry.person or "",
    )


def _paid(home: Home, invoice: StoredInvoice, amount: str, reference: str) -> Money:
    unit = currency(invoice.currency)
    paid = exact(amount)
    problems = []
    if KEY_PATTERN.match(reference) is None:
        problems.append(f"--reference {shown(reference)} is not a key (letters, digits, ._/:@+-)")
    if not unit.has(paid):
        problems.append(f"{exact_text(paid)} {unit} does not exist: it is no whole minor unit")
    elif not 0 < Money.exactly(paid, unit).minor <= PAYMENT_MINOR_MAX:
        problems.append("the amount must be above zero and below 10^18 minor units")
    if invoice.total_minor < 0:
        problems.append(f"{invoice.number} is a credit note: nothing is paid for it")
    if invoice.id in home.books.ledger.before_ledger():
        problems.append(
            f"invoice {invoice.number} was sealed before there was a ledger and has no receivable here"
        )
    if problems:
        raise PaymentRefused(f"Nothing was recorded: {'; '.join(problems)}.")
    return Money.exactly(paid, unit)
