"""What may be asked for of each invoice: what is open, less what is disputed. Whoever reminds customers of
what they owe asks here, so that only the disputed amount waits and the rest stays due."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.dispute.room import collectable
from tieout.flows.disputes import disputed_by_invoice
from tieout.flows.home import Home
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.money import Money, currency


@dataclass(frozen=True, slots=True)
class Collectable:
    """Of one invoice; `open` what is owed on it, `disputed` what open disputes hold with taxes (maybe more
    than what is still open), `collectable` the rest, never below zero."""

    invoice: InvoiceId
    customer: CustomerId
    open: Money
    disputed: Money
    collectable: Money


def collectables(home: Home, customer: CustomerId | None = None) -> tuple[Collectable, ...]:
    """Invoices of which anything is open, by customer, period and number."""
    owed = home.books.ledger.open_receivables(customer)
    disputed = disputed_by_invoice(home, customer)
    found = []
    for each in home.books.invoices.sealed(customer):
        minor, waits, unit = owed.get(each.id, 0), disputed.get(each.id, 0), currency(each.currency)
        if minor > 0:
            amounts = (Money(amount, unit) for amount in (minor, waits, collectable(minor, waits)))
            found.append(Collectable(each.id, each.customer, *amounts))
    return tuple(found)
