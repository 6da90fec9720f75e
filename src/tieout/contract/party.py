"""Who sells and who pays: the billing profiles that an invoice prints, as they stood at one version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tieout.kernel.ids import CustomerId, SellerKey
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class Seller:
    """`number_series` is the prefix under which invoices are numbered ("INV")."""

    key: SellerKey
    version: int
    effective_from: Instant
    name: str
    address: tuple[str, ...]
    tax_id: str | None
    email: str | None
    number_series: str
    digest: str


@dataclass(frozen=True, slots=True)
class TopUp:
    """Once prepaid credits fall below `threshold`, `amount` is wanted; both in units of the currency."""

    threshold: Exact
    amount: Exact


@dataclass(frozen=True, slots=True)
class Customer:
    """`zone` is the IANA zone in which billing periods run, `terms_days` the days from issue to due date, and
    `anchor` the local date from which periods are counted (None: the first of the calendar period)."""

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
    top_up: TopUp | None = None
