"""Whose usage an event is, and which sealed invoices' periods hold its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieout.contract.catalog import Catalog
from tieout.evidence.stored import StoredInvoice
from tieout.flows.home import Home
from tieout.invoice.invoice import KIND_INTERIM
from tieout.kernel.ids import CustomerId, Subject, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


def owner_at(catalog: Catalog, subject: Subject, time: Instant) -> CustomerId | None:
    """The customer that the subject belongs to at that time; at most one, as `check` sees to."""
    for span in catalog.subjects.spans:
        if span.subject == subject and span.start <= time and (span.end is None or time < span.end):
            return span.customer
    return None


def owners_ever(catalog: Catalog, subject: Subject) -> tuple[CustomerId, ...]:
    """Every customer that any version of a mapping gave the subject to: a seal may rest on an older one."""
    found = {mapping.customer for mapping in catalog.mappings if subject in mapping.subjects}
    return tuple(sorted(found))


class SealedPeriods:
    """What is sealed, read once for many questions: of the customers that are asked about."""

    def __init__(self, home: Home, catalog: Catalog) -> None:
        self._home = home
        self._catalog = catalog
        self._billed: dict[CustomerId, Mapping[SubscriptionId, Sequence[Period]]] = {}
        self._invoices: dict[CustomerId, tuple[StoredInvoice, ...]] = {}

    def covers(self, subscription: SubscriptionId, time: Instant) -> bool:
        """Whether the subscription's period that holds the time is sealed."""
        return any(period.contains(time) for period in self._periods_of(subscription))

    def invoices_at(self, customer: CustomerId, time: Instant) -> tuple[str, ...]:
        """Numbers of the customer's sealed invoices whose period holds the time."""
        if customer not in self._invoices:
            self._invoices[customer] = self._home.books.invoices.sealed(customer)
        return tuple(
            each.number
            for each in self._invoices[customer]
            if each.kind != KIND_INTERIM and each.period.contains(time)
        )

    def late_for(self, customer: CustomerId, time: Instant) -> tuple[str, ...]:
        """The same, if the time is sealed for every subscription of the customer; else nothing."""
        keys = [subscription.key for subscription in self._catalog.subscriptions_of(customer)]
        if not keys or not all(self.covers(key, time) for key in keys):
            return ()
        return self.invoices_at(customer, time)

    def _periods_of(self, subscription: SubscriptionId) -> list[Period]:
        customers = {version.customer for version in self._catalog.subscriptions.versions(subscription)}
        for customer in customers - self._billed.keys():
            self._billed[customer] = self._home.books.invoices.billed_stretches([customer])
        return [period for customer in customers for period in self._billed[customer].get(subscription, ())]
