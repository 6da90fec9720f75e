"""Lines, coupons and taxes for tests of the amounts of an invoice, without anything that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from tests.records import JANUARY, POLICY, SELLER, SUBSCRIPTION, customer, plan, price
from tieout.contract.coupon import Coupon, CouponScope
from tieout.contract.price import Flat
from tieout.contract.tax import STANDARD_CATEGORY, Tax
from tieout.invoice.discounts import GrantedCoupon
from tieout.invoice.draft import draft
from tieout.invoice.invoice import Invoice
from tieout.invoice.taxes import NO_TAXATION, Taxation
from tieout.kernel.ids import CouponKey, PriceKey, SubscriptionId, TaxKey, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import CURRENCIES
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge
from tieout.rate.rate import rate


def fee(
    minor: int,
    *,
    key: str = "fee",
    code: str = "USD",
    category: str = STANDARD_CATEGORY,
    subscription: SubscriptionId = SUBSCRIPTION,
) -> Charge:
    """A charge of exactly so many minor units; negative ones are credits."""
    amount = Fraction(minor, 10 ** CURRENCIES[code].exponent)
    flat = replace(price(Flat(amount), meter=None, currency=code, key=key), tax_category=category)
    return rate(None, flat, plan=plan(key), subscription=subscription, period=JANUARY, segment=JANUARY)


def coupon(
    key: str,
    *,
    percent: str | None = None,
    amount: str | None = None,
    code: str = "USD",
    prices: Sequence[str] = (),
    since: int = 0,
    only: SubscriptionId | None = None,
) -> GrantedCoupon:
    terms = Coupon(
        key=CouponKey(key),
        version=1,
        effective_from=Instant(0),
        name=key.title(),
        percent=None if percent is None else Fraction(percent),
        amount=None if amount is None else Fraction(amount),
        currency=None if amount is None else code,
        periods=None,
        until=None,
        scope=CouponScope(prices=tuple(PriceKey(each) for each in prices)),
        uses_per_customer_max=None,
        digest=f"{key}-digest",
    )
    return GrantedCoupon(terms, only, Instant(since))


def tax(
    key: str,
    percent: str,
    *,
    inclusive: bool = False,
    compound: bool = False,
    categories: Sequence[str] = (),
    rounding: Rounding = Rounding.HALF_AWAY_FROM_ZERO,
) -> Tax:
    return Tax(
        key=TaxKey(key),
        version=1,
        effective_from=Instant(0),
        name=key.upper(),
        jurisdiction="Somewhere",
        percent=Fraction(percent),
        inclusive=inclusive,
        compound=compound,
        categories=tuple(categories),
        rounding=rounding,
        digest=f"{key}-digest",
    )


def taxation(*taxes: Tax, set_aside: str | None = None) -> Taxation:
    return Taxation(taxes, set_aside, "acme", 1, "customer-digest")


def drafted(
    *charges: Charge,
    coupons: Sequence[GrantedCoupon] = (),
    taxed: Taxation = NO_TAXATION,
    code: str = "USD",
) -> Invoice:
    return draft(
        customer=replace(customer(), currency=code),
        seller=SELLER,
        period=JANUARY,
        charges=charges,
        cutoff=Watermark(1),
        policy=POLICY,
        tzdata_version="2026a",
        software_version="0.1.0",
        coupons=coupons,
        taxation=taxed,
    )
