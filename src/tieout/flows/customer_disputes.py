"""Disputes as a customer handles its own, with a key of its own: opened, listed, shown. What is of somebody
else is not there."""

from __future__ import annotations

from tieout.dispute.dispute import Dispute, fold
from tieout.dispute.opening import DisputeOrder
from tieout.flows.disputes import NoSuchDispute, OwnersUnnamed, known_disputes
from tieout.flows.home import Home
from tieout.flows.invoices import NoSuchInvoice, show_invoice
from tieout.flows.open_dispute import OpenedDispute, open_dispute
from tieout.flows.own_changes import known_customer
from tieout.kernel.errors import ConflictError, Unavailable
from tieout.kernel.ids import CustomerId
from tieout.ports.world import NoEvidenceKey

OPEN_AT_ONCE_MAX = 20
"""Each has a pack built, so that a key cannot keep a server busy with them."""


class TooManyDisputes(ConflictError):
    """The customer has so many open already."""

    code = "too-many-disputes"

    def __init__(self) -> None:
        super().__init__(
            f"{OPEN_AT_ONCE_MAX} disputes are open, which is the most at once; write to us instead."
        )


class DisputesNotReady(Unavailable):
    """The operator has not made ready for disputes: what is missing is not the customer's to know."""

    code = "disputes-not-ready"

    def __init__(self) -> None:
        super().__init__("Disputes cannot be opened here yet; write to us instead.")


def own_disputes(home: Home, customer: str) -> tuple[Dispute, ...]:
    """Decided ones too, by when they were opened. Raises `NoSuchCustomer`."""
    return known_disputes(home, known_customer(home, customer)).disputes


def own_dispute(home: Home, customer: str, id: str) -> Dispute:
    """By its whole id. Raises `NoSuchDispute`, `NoSuchCustomer`."""
    who = known_customer(home, customer)
    events = home.books.disputes.of(id)
    if not events or events[0].customer != who:
        raise NoSuchDispute(id, 0)
    return fold(events)


def open_own(home: Home, customer: str, order: DisputeOrder, *, key_name: str, api_key: str) -> OpenedDispute:
    """Raises `TooManyDisputes`, `DisputesNotReady`, `NoSuchInvoice` also for somebody else's, and what
    `open_dispute` raises."""
    who: CustomerId = known_customer(home, customer)
    if show_invoice(home, order.invoice).customer != who:
        raise NoSuchInvoice(order.invoice)
    if sum(each.is_open for each in known_disputes(home, who).disputes) >= OPEN_AT_ONCE_MAX:
        raise TooManyDisputes
    try:
        home.installation_key.public_key()
        return open_dispute(home, order, person=key_name, api_key=api_key)
    except (OwnersUnnamed, NoEvidenceKey) as error:
        raise DisputesNotReady from error
