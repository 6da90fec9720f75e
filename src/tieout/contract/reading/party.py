"""[[seller]]: key, version, effective_from, name, address, tax_id, email, number_series, taxes.
[[customer]]: the same profile with zone, currency, seller, purchase_order, terms_days, anchor, tax_exempt,
reverse_charge, top_up = {threshold, amount}; [[customer.coupon]]."""

from __future__ import annotations

import re

from tieout.contract.party import Customer, Seller, TopUp
from tieout.contract.reading.coupon import read_coupon_uses
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import CustomerId, SellerKey, TaxKey
from tieout.kernel.limits import TAXES_MAX
from tieout.kernel.money import Currency
from tieout.kernel.rational import exact_text
from tieout.kernel.zone import UnknownZone, zone

SERIES_PATTERN = re.compile(r"[A-Z0-9][A-Z0-9/-]{0,15}\Z")
TERMS_DAYS_DEFAULT = 30
TERMS_DAYS_MAX = 365


def read_seller(reader: TableReader, head: Head) -> Seller:
    """`number_series` is 1 to 16 capitals, digits, - and /; INV where it is not given."""
    series = reader.optional_text("number_series") or "INV"
    if SERIES_PATTERN.match(series) is None:
        reader.problem("number_series", "must be 1 to 16 capital letters, digits, - or /")
    return Seller(
        key=SellerKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        address=reader.texts("address", at_least=1),
        tax_id=reader.optional_text("tax_id"),
        email=reader.optional_text("email"),
        number_series=series,
        digest=head.digest,
        taxes=_taxes(reader),
    )


def read_customer(reader: TableReader, head: Head) -> Customer:
    """`terms_days` is 30 where it is not given; `anchor` a date."""
    unit = read_currency(reader)
    tax_exempt, reverse_charge = _tax_set_aside(reader)
    return Customer(
        key=CustomerId(head.key),
        version=head.version,
        effective_from=head.effective_from,
        name=reader.text("name"),
        zone=read_zone(reader, "zone"),
        currency="" if unit is None else unit.code,
        seller=SellerKey(reader.text("seller")),
        address=reader.texts("address", at_least=1),
        tax_id=reader.optional_text("tax_id"),
        purchase_order=reader.optional_text("purchase_order"),
        email=reader.optional_text("email"),
        terms_days=reader.integer(
            "terms_days", minimum=0, maximum=TERMS_DAYS_MAX, default=TERMS_DAYS_DEFAULT
        ),
        anchor=reader.optional_date("anchor"),
        digest=head.digest,
        taxes=_taxes(reader) if reader.has("taxes") else None,
        tax_exempt=tax_exempt,
        reverse_charge=reverse_charge,
        coupons=read_coupon_uses(reader),
        top_up=_top_up(reader, unit),
    )


def _taxes(reader: TableReader) -> tuple[TaxKey, ...]:
    keys = reader.texts("taxes")
    if len(keys) > TAXES_MAX:
        reader.problem("taxes", f"names {len(keys)} taxes; at most {TAXES_MAX} are allowed")
    return tuple(TaxKey(key) for key in keys[:TAXES_MAX])


def _tax_set_aside(reader: TableReader) -> tuple[str | None, bool]:
    """Why no tax is charged, if a reason is given; and whether the customer owes it instead."""
    tax_exempt = reader.optional_text("tax_exempt")
    reverse_charge = reader.boolean("reverse_charge", default=False)
    if reverse_charge and not reader.has("tax_id"):
        reader.problem("reverse_charge", "needs the customer's tax_id, which the invoice must print")
    if reverse_charge and tax_exempt is not None:
        reader.problem("reverse_charge", "an exempt customer owes no tax: leave out one of the two")
    return tax_exempt, reverse_charge


def read_zone(reader: TableReader, name: str) -> str:
    """Required IANA zone name that the pinned tzdata knows."""
    zone_name = reader.text(name)
    try:
        if zone_name:
            zone(zone_name)
    except UnknownZone as error:
        reader.problem(name, str(error).removesuffix("."))
    return zone_name


def _top_up(reader: TableReader, unit: Currency | None) -> TopUp | None:
    inner = reader.table("top_up")
    if inner is None:
        return None
    amounts = {name: inner.exact(name) for name in ("threshold", "amount")}
    for name, amount in amounts.items():
        if amount <= 0:
            inner.problem(name, f"{exact_text(amount)} is not above zero")
        elif unit is not None and not unit.has(amount):
            inner.problem(name, f"{exact_text(amount)} {unit.code} does not exist: it is no whole minor unit")
    inner.finish()
    return TopUp(**amounts)
