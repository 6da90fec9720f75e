"""[[seller]]: key, version, effective_from, name, address, tax_id, email, number_series.
[[customer]]: the same profile with zone, currency, seller, purchase_order, terms_days, anchor,
top_up = {threshold, amount}."""

from __future__ import annotations

import re

from tieout.contract.party import Customer, Seller, TopUp
from tieout.contract.reading.head import Head
from tieout.contract.reading.price import read_currency
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import CustomerId, SellerKey
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
    )


def read_customer(reader: TableReader, head: Head) -> Customer:
    """`terms_days` is 30 where it is not given; `anchor` a date."""
    unit = read_currency(reader)
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
        top_up=_top_up(reader, unit),
    )


def _top_up(reader: TableReader, unit: Currency | None) -> TopUp | None:
    inner = reader.table("top_up")
    if inner is None:
        return None
    amounts = {name: inner.exact(name) for name in ("threshold", "amount")}
    for name, amount in amounts.items():
        if amount <= 0:
            inner.problem(name, f"{exact_text(amount)} is not above zero")
        elif unit is not None and (amount * 10**unit.exponent).denominator != 1:
            inner.problem(name, f"{exact_text(amount)} {unit.code} does not exist: it is no whole minor unit")
    inner.finish()
    return TopUp(**amounts)


def read_zone(reader: TableReader, name: str) -> str:
    """Required IANA zone name that the pinned tzdata knows."""
    zone_name = reader.text(name)
    try:
        if zone_name:
            zone(zone_name)
    except UnknownZone as error:
        reader.problem(name, str(error).removesuffix("."))
    return zone_name
