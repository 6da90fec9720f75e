"""What a catalog would change about the coupons and taxes of sealed invoices: a correction too, so refused.

The terms of each sealed invoice are worked out under the catalog as it is and as it would be; the new
document behind a difference is named. What a document only prints (a name, an address) is no term.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tieout.close.coupons import coupons_of
from tieout.close.taxation import taxation_of
from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind
from tieout.contract.party import Customer, Seller
from tieout.contract.problem import Problem
from tieout.contract.subscription import Subscription
from tieout.evidence.stored import StoredInvoice
from tieout.flows.home import Home
from tieout.invoice.discounts import GrantedCoupon
from tieout.invoice.taxes import Taxation
from tieout.kernel.cadence import Cadence
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.instant import Instant, format_instant

FIELDS = {
    DocumentKind.COUPON: "effective_from",
    DocumentKind.TAX: "effective_from",
    DocumentKind.CUSTOMER: "effective_from",
    DocumentKind.SELLER: "effective_from",
    DocumentKind.SUBSCRIPTION: "coupon",
}
"""Documents that decide about coupons and taxes, and the member that a problem points to."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for one invoice, and the documents that say so."""

    coupons: frozenset[GrantedCoupon]
    taxation: Taxation
    customer: Customer
    seller: Seller
    subscriptions: tuple[Subscription, ...]

    @property
    def held(self) -> tuple[object, ...]:
        """What an amount can depend on."""
        return self.coupons, self.taxation.taxes, self.taxation.set_aside


def sealed_term_problems(
    home: Home, before: Catalog, after: Catalog, fresh: Sequence[Document]
) -> list[Problem]:
    """A problem for each new document and each sealed invoice whose terms it would change; `after` is
    `before` with the `fresh` documents.
    """
    now = home.clock.now()
    begun = [document for document in fresh if document.kind in FIELDS and document.effective_from < now]
    if not begun:
        return []
    billed = home.books.invoices.billed()
    since = min(document.effective_from for document in begun)
    touched = _touched(after, begun)
    found: list[Problem] = []
    for invoice in home.books.invoices.sealed():
        if invoice.period.end > since and (touched is None or invoice.customer in touched):
            ours = before.subscriptions_of(invoice.customer)
            keys = [each.key for each in ours if invoice.period in billed.get(each.key, ())]
            was, now_so = (_terms(catalog, invoice, keys) for catalog in (before, after))
            if was is not None and now_so is not None and was.held != now_so.held:
                blamed = set(_blamed(was, now_so))
                found += [_problem(each, invoice) for each in begun if each.digest in blamed]
    return found


def _touched(after: Catalog, begun: Sequence[Document]) -> set[str] | None:
    """The customers that new documents of their own speak of; None where others speak of anybody's."""
    found: set[str] = set()
    for document in begun:
        subscription = after.subscriptions.latest(document.key)
        if document.kind is DocumentKind.CUSTOMER:
            found.add(document.key)
        elif document.kind is DocumentKind.SUBSCRIPTION and subscription is not None:
            found.add(subscription.customer)
        else:
            return None
    return found


def _terms(catalog: Catalog, invoice: StoredInvoice, keys: Sequence[SubscriptionId]) -> _Terms | None:
    """None where the catalog has no terms for it at all."""
    last = Instant(invoice.period.end - 1)
    customer = catalog.customers.at(invoice.customer, last)
    seller = None if customer is None else catalog.sellers.at(customer.seller, last)
    found = (catalog.subscriptions.latest(key) for key in sorted(keys))
    ours = tuple(each for each in found if each is not None and each.customer == invoice.customer)
    if customer is None or seller is None or not ours:
        return None
    policy = next((each for each in catalog.policies if each.digest == invoice.policy_digest), None)
    cadence = Cadence.MONTHLY if policy is None else policy.cadence
    try:
        held = coupons_of(catalog, customer, ours, invoice.period, policy_cadence=cadence)
        return _Terms(
            frozenset(held), taxation_of(catalog, customer, seller, invoice.period), customer, seller, ours
        )
    except TieoutError:
        return None


def _blamed(was: _Terms, now_so: _Terms) -> Iterator[str]:
    """The digests of documents that the terms newly rest on; of parties where they speak of terms."""
    known = {each.coupon.digest for each in was.coupons}
    yield from (each.coupon.digest for each in now_so.coupons if each.coupon.digest not in known)
    known = {tax.digest for tax in was.taxation.taxes}
    yield from (tax.digest for tax in now_so.taxation.taxes if tax.digest not in known)
    if _said_by(was.customer) != _said_by(now_so.customer) or was.customer.seller != now_so.customer.seller:
        yield now_so.customer.digest
    if was.seller.taxes != now_so.seller.taxes:
        yield now_so.seller.digest
    for before, after in zip(was.subscriptions, now_so.subscriptions, strict=True):
        if before.coupons != after.coupons:
            yield after.digest


def _said_by(customer: Customer) -> tuple[object, ...]:
    return customer.taxes, customer.tax_exempt, customer.reverse_charge, customer.tax_id, customer.coupons


def _problem(document: Document, invoice: StoredInvoice) -> Problem:
    start, end = format_instant(invoice.period.start), format_instant(invoice.period.end)
    return document.problem(
        FIELDS[document.kind],
        f"would change the coupons or taxes of invoice {invoice.number} of {invoice.customer}, from "
        f"{start} until {end}; a sealed invoice is changed only by a correction: let it take effect at "
        f"{end} or later",
    )
