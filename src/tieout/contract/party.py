"""Who sells and who pays: the billing profiles that an invoice prints, as they stood at one version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tieout.contract.coupon import CouponUse
from tieout.kernel.ids import CustomerId, SellerKey, TaxKey
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class Seller:
    """`number_series` is the prefix under which invoices are numbered ("INV"). `taxes`, in order, are paid by
    customers that name none of their own."""

    key: SellerKey
    version: int
    effective_from: Instant
    name: str
    address: tuple[str, ...]
    tax_id: str | None
    email: str | None
    number_series: str
    digest: str
    taxes: tuple[TaxKey, ...] = ()


@dataclass(frozen=True, slots=True)
class TopUp:
    """Once prepaid credits fall below `threshold`, `amount` is wanted; both in units of the currency."""

    threshold: Exact
    amount: Exact


@dataclass(frozen=True, slots=True)
class Customer:
    """`zone` is the IANA zone in which billing periods run, `terms_days` the days from issue to due date, and
    `anchor` the local date from which periods are counted (None: the first of the calendar period).

    `taxes`, in order, stand in place of the seller's (None: the seller's hold). Where `tax_exempt` gives a
    reason, or with `reverse_charge`, they are named at no charge.
    """

    key: CustomerId
    version: int
    effective_from: Instant
    name: str
    zone: str
    currency: str
    seller: SellerKey
    address: tuple[str, ...]
    tax_id: str | None
    purchase_order: str | None
    email: str | None
    terms_days: int
    anchor: date | None
    digest: str
    taxes: tuple[TaxKey, ...] | None = None
    tax_exempt: str | None = None
    reverse_charge: bool = False
    coupons: tuple[CouponUse, ...] = ()
    top_up: TopUp | None = None
