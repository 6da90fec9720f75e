"""Coupons name what they are for, and are attached only where they are in force, in the customer's currency,
and as often as they allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tieout.contract.coupon import Coupon, CouponUse
from tieout.contract.document import DocumentKind
from tieout.contract.party import Customer
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.contract.problem import Problem
from tieout.contract.program import Program
from tieout.contract.rules.draft import Draft
from tieout.contract.subscription import Subscription
from tieout.kernel.ids import CouponKey
from tieout.kernel.instant import Instant

Place = tuple[DocumentKind, Customer | Subscription, str]
"""The document that attaches a coupon, and the member that does."""


def check_coupons(draft: Draft) -> Iterator[Problem]:
    """Each coupon by itself, each attachment against its coupon, and a customer's attachments together."""
    for coupon in draft.catalog.coupons:
        for name, message in _misfits(draft, coupon):
            yield draft.problem(DocumentKind.COUPON, coupon, name, message)
    for customer in draft.catalog.customers:
        end = draft.catalog.customers.until(customer)
        for place, use in enumerate(customer.coupons):
            for name, message in _attached(draft, use, customer.key, end):
                yield draft.problem(DocumentKind.CUSTOMER, customer, f"coupon[{place}]{name}", message)
    for subscription in draft.catalog.subscriptions:
        for place, use in enumerate(subscription.coupons):
            for name, message in _attached(draft, use, subscription.customer, None):
                yield draft.problem(
                    DocumentKind.SUBSCRIPTION, subscription, f"coupon[{place}]{name}", message
                )
    yield from _used_too_often(draft)


def coupons_until(subscription: Subscription, until: Instant) -> set[CouponUse]:
    """What was attached before `until`, as far as it was known then."""
    return {
        CouponUse(use.coupon, use.start, until if use.end is None else min(use.end, until))
        for use in subscription.coupons
        if use.start < until
    }


def _misfits(draft: Draft, coupon: Coupon) -> Iterator[tuple[str, str]]:
    catalog, scope = draft.catalog, coupon.scope
    named: list[tuple[DocumentKind, str, Sequence[Price | Plan | Program]]] = [
        *((DocumentKind.PRICE, key, catalog.prices.versions(key)) for key in scope.prices),
        *((DocumentKind.PLAN, key, catalog.plans.versions(key)) for key in scope.plans),
        *((DocumentKind.PROGRAM, key, catalog.programs.versions(key)) for key in scope.programs),
    ]
    places: Counter[DocumentKind] = Counter()
    for kind, key, versions in named:
        name = f"applies_to.{kind}s[{places[kind]}]"
        places[kind] += 1
        unknown = draft.missing(kind, key)
        if unknown is not None:
            yield name, unknown
        others = {each.currency for each in versions} - {coupon.currency}
        if coupon.currency is not None and others:
            yield name, f"{kind} {key} is in {', '.join(sorted(others))}, the coupon in {coupon.currency}"


def _attached(
    draft: Draft, use: CouponUse, customer: str, until: Instant | None
) -> Iterator[tuple[str, str]]:
    """`until`: when the document that attaches it is replaced."""
    unknown = draft.missing(DocumentKind.COUPON, use.coupon, since=use.start)
    if unknown is not None:
        yield ".coupon", unknown
        return
    coupon = draft.catalog.coupons.at(use.coupon, use.start)
    if coupon is None or coupon.currency is None:
        return
    ends = [end for end in (use.end, until) if end is not None]
    for payer in draft.catalog.customers.during(customer, use.start, min(ends, default=None)):
        if payer.currency != coupon.currency:
            message = f"coupon {coupon.key} v{coupon.version} is in {coupon.currency}, "
            message += f"customer {payer.key} v{payer.version} in {payer.currency}"
            yield ".coupon", message


def _used_too_often(draft: Draft) -> Iterator[Problem]:
    """One use stands in every version of the document that keeps it, and counts once."""
    used: dict[tuple[str, CouponKey], dict[tuple[DocumentKind, str, Instant], Place]] = {}
    for customer in draft.catalog.customers:
        for place, use in enumerate(customer.coupons):
            where = used.setdefault((customer.key, use.coupon), {})
            where[DocumentKind.CUSTOMER, customer.key, use.start] = (
                DocumentKind.CUSTOMER,
                customer,
                f"coupon[{place}].coupon",
            )
    for key in draft.catalog.subscriptions.keys:
        latest = draft.catalog.subscriptions.versions(key)[-1]
        for place, use in enumerate(latest.coupons):
            where = used.setdefault((latest.customer, use.coupon), {})
            where[DocumentKind.SUBSCRIPTION, key, use.start] = (
                DocumentKind.SUBSCRIPTION,
                latest,
                f"coupon[{place}].coupon",
            )
    for (customer_key, coupon_key), places in used.items():
        coupon = draft.catalog.coupons.latest(coupon_key)
        most = None if coupon is None else coupon.uses_per_customer_max
        if most is not None and len(places) > most:
            kind, record, name = list(places.values())[-1]
            times = "once" if most == 1 else f"{most} times"
            message = (
                f"{coupon_key} is attached {len(places)} times to {customer_key} and its subscriptions; "
            )
            yield draft.problem(kind, record, name, f"{message}it may be {times} at most")
