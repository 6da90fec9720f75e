"""Which coupons hold for an invoice: those that are attached and have not ended at the last instant of
its period, which also decides its customer and taxes. A coupon holds in the version that was in force
when it was attached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.close.calendar import anchor_of, cadence_of
from tieout.contract.catalog import Catalog
from tieout.contract.coupon import Coupon, CouponUse
from tieout.contract.party import Customer
from tieout.contract.subscription import Subscription
from tieout.invoice.discounts import GrantedCoupon
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, periods_between
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.period import Period


def coupons_of(
    catalog: Catalog,
    customer: Customer,
    subscriptions: Sequence[Subscription],
    period: Period,
    *,
    policy_cadence: Cadence,
) -> list[GrantedCoupon]:
    """Those of the customer, then those of each subscription that the invoice bills.

    Billing periods are counted on the calendar of the subscription; for a coupon of the customer on that of
    the first one of the invoice.
    """
    uses: list[tuple[CouponUse, SubscriptionId | None, Subscription]] = [
        (use, None, subscriptions[0]) for use in customer.coupons
    ]
    uses += [(use, each.key, each) for each in subscriptions for use in each.coupons]
    return list(_held(catalog, customer, uses, period, policy_cadence))


def _held(
    catalog: Catalog,
    customer: Customer,
    uses: Sequence[tuple[CouponUse, SubscriptionId | None, Subscription]],
    period: Period,
    policy_cadence: Cadence,
) -> Iterator[GrantedCoupon]:
    last = period.last_instant
    for use, only, subscription in uses:
        if use.start > last or (use.end is not None and use.end <= last):
            continue
        coupon = catalog.coupons.at(use.coupon, use.start)
        if coupon is None or (coupon.until is not None and coupon.until <= last):
            continue
        anchor = anchor_of(customer, cadence_of(catalog, subscription, policy_cadence))
        if not _used_up(coupon, use, anchor, period):
            yield GrantedCoupon(coupon, only, use.start)


def _used_up(coupon: Coupon, use: CouponUse, anchor: Anchor, period: Period) -> bool:
    """The first period is the one that holds the start of the use."""
    if coupon.periods is None:
        return False
    return len(periods_between(anchor, use.start, period.end)) > coupon.periods
