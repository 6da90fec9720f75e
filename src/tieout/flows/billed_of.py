"""What is billed of some customers' subscriptions; nothing is read of anybody else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tieout.contract.catalog import Catalog
from tieout.flows.home import Home
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.period import Period


def billed_of(
    home: Home, catalog: Catalog, customers: Collection[CustomerId]
) -> Mapping[SubscriptionId, Sequence[Period]]:
    """The stretches of time that final invoices hold for each subscription."""
    return home.books.invoices.billed_stretches(payers(catalog, customers))


def payers(catalog: Catalog, customers: Collection[CustomerId]) -> frozenset[CustomerId]:
    """The customers, and whoever had one of their subscriptions under an earlier version of it: papers of
    then are theirs."""
    found = set(customers)
    for customer in customers:
        for subscription in catalog.subscriptions_of(customer):
            if subscription.version > 1:
                found.update(each.customer for each in catalog.subscriptions.versions(subscription.key))
    return frozenset(found)
