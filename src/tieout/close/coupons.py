"""Which coupons hold for an invoice: those that are attached and have not ended at the last instant of
its period, which also decides its customer and taxes. A coupon holds in the version that was in force
when it was attached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.close.calendar import PeriodDefault, calendar_of
from tieout.contract.catalog import Catalog
from tieout.contract.coupon import CouponUse
from tieout.contract.party import Customer
from tieout.contract.subscription import Subscription
from tieout.invoice.discounts import GrantedCoupon
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.period import Period


def coupons_of(
    catalog: Catalog,
    customer: Customer,
    subscriptions: Sequence[Subscription],
    period: Period,
    *,
    defaults: Sequence[PeriodDefault],
) -> list[GrantedCoupon]:
    """Those of the customer, then those of each subscription that the invoice bills.

    Billing periods are counted on the calendar of the subscription; for a coupon of the customer on that of
    the first one of the invoice. `defaults` is what the policies say of periods.
    """
    uses: list[tuple[CouponUse, SubscriptionId | None, Subscription]] = [
        (use, None, subscriptions[0]) for use in customer.coupons
    ]
    uses += [(use, each.key, each) for each in subscriptions for use in each.coupons]
    return list(_held(catalog, uses, period, defaults))


def _held(
    catalog: Catalog,
    uses: Sequence[tuple[CouponUse, SubscriptionId | None, Subscription]],
    period: Period,
    defaults: Sequence[PeriodDefault],
) -> Iterator[GrantedCoupon]:
    last = period.last_instant
    for use, only, subscription in uses:
        if use.start > last or (use.end is not None and use.end <= last):
            continue
        coupon = catalog.coupons.at(use.coupon, use.start)
        if coupon is None or (coupon.until is not None and coupon.until <= last):
            continue
        if coupon.periods is None or coupon.periods >= calendar_of(catalog, subscription, defaults).count(
            use.start, period.end
        ):
            yield GrantedCoupon(coupon, only, use.start)
