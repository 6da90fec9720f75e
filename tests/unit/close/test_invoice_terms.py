"""Which coupons and taxes hold for an invoice: one instant tells, the last of its period."""

from __future__ import annotations

import pytest

from tests.records import period
from tieout.close.calendar import PeriodDefault
from tieout.close.coupons import coupons_of
from tieout.close.taxation import NoTaxInForce, taxation_of
from tieout.contract.catalog import Catalog
from tieout.contract.check import check
from tieout.contract.document import parse_documents
from tieout.contract.party import Customer, Seller
from tieout.kernel.cadence import Cadence
from tieout.kernel.instant import INSTANT_MIN
from tieout.kernel.period import Period
from tieout.kernel.rational import exact

CATALOG = """
[[price]]
key = "fee"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "EUR"
description = "Fee"
shape = "flat"
amount = "10"

[[plan]]
key = "plan"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Plan"
currency = "EUR"
prices = ["fee"]

[[coupon]]
key = "c"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "First terms"
percent = "10"
{end}

[[coupon]]
key = "c"
version = 2
effective_from = 2026-03-01T00:00:00Z
name = "Second terms"
percent = "5"
forever = true

[[tax]]
key = "vat"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "VAT"
jurisdiction = "DE"
percent = "19"

[[tax]]
key = "vat"
version = 2
effective_from = 2026-02-01T00:00:00Z
name = "VAT"
jurisdiction = "DE"
percent = "20"

[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Us"
address = ["1"]
taxes = ["vat"]

[[customer]]
key = "ann"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Ann"
zone = "UTC"
currency = "EUR"
seller = "us"
address = ["2"]
{customer}

[[subscription]]
key = "ann"
version = 1
effective_from = 2025-01-01T00:00:00Z
customer = "ann"
[[subscription.phase]]
plan = "plan"
from = 2026-01-01T00:00:00Z
"""
DECEMBER, JANUARY, FEBRUARY, MARCH = (
    period("2025-12-01", "2026-01-01"),
    period("2026-01-01", "2026-02-01"),
    period("2026-02-01", "2026-03-01"),
    period("2026-03-01", "2026-04-01"),
)


def catalog(*, end: str = "forever = true", customer: str = "") -> Catalog:
    documents, problems = parse_documents("c.toml", CATALOG.format(end=end, customer=customer))
    found, more = check(documents)
    assert found is not None, [*problems, *more]
    return found


def parties(found: Catalog) -> tuple[Customer, Seller]:
    customer, seller = found.customers.latest("ann"), found.sellers.latest("us")
    assert customer is not None
    assert seller is not None
    return customer, seller


def held(found: Catalog, month: Period, cadence: Cadence = Cadence.MONTHLY) -> list[str]:
    customer, _ = parties(found)
    defaults = [PeriodDefault(INSTANT_MIN, cadence)]
    granted = coupons_of(found, customer, found.subscriptions_of(customer.key), month, defaults=defaults)
    return [each.coupon.name for each in granted]


def attached(since: str, until: str = "") -> str:
    end = f"\nuntil = {until}" if until else ""
    return f'[[customer.coupon]]\ncoupon = "c"\nfrom = {since}{end}'


def months(found: Catalog) -> list[bool]:
    return [bool(held(found, month)) for month in (DECEMBER, JANUARY, FEBRUARY, MARCH)]


def test_a_coupon_given_inside_a_period_is_for_the_whole_of_it() -> None:
    assert months(catalog(customer=attached("2026-01-31T23:59:59.999999Z"))) == [False, True, True, True]
    assert months(catalog(customer=attached("2026-02-01T00:00:00Z"))) == [False, False, True, True]


def test_a_coupon_that_ends_inside_a_period_is_not_for_it() -> None:
    for end, customer in (
        ("until = 2026-03-01T00:00:00Z", attached("2026-01-01T00:00:00Z")),
        ("forever = true", attached("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z")),
    ):
        assert months(catalog(end=end, customer=customer)) == [False, True, True, False]
    early = catalog(end="until = 2026-02-28T23:59:59.999999Z", customer=attached("2026-01-01T00:00:00Z"))
    assert months(early) == [False, True, False, False]


def test_billing_periods_are_counted_from_the_one_in_which_it_was_given() -> None:
    found = catalog(end="periods = 2", customer=attached("2026-01-20T00:00:00Z"))
    assert months(found) == [False, True, True, False]
    year = period("2026-01-01", "2027-01-01")
    assert held(found, year, Cadence.YEARLY) == ["First terms"]


def test_terms_are_those_in_force_when_it_was_given() -> None:
    found = catalog(customer=attached("2026-02-28T00:00:00Z"))
    assert held(found, MARCH) == ["First terms"]
    assert held(catalog(customer=attached("2026-03-01T00:00:00Z")), MARCH) == ["Second terms"]


def test_taxes_are_the_sellers_unless_the_customer_names_others() -> None:
    for customer, count in (("", 1), ('taxes = ["vat"]', 1), ("taxes = []", 0)):
        found = catalog(customer=customer)
        assert len(taxation_of(found, *parties(found), MARCH).taxes) == count


def test_the_rate_in_force_when_the_period_ends_holds_for_all_of_it() -> None:
    found = catalog()
    rates = [
        taxation_of(found, *parties(found), each).taxes[0].percent
        for each in (JANUARY, FEBRUARY, period("2026-01-20", "2026-02-01T00:00:00.000001Z"))
    ]
    assert rates == [exact("19"), exact("20"), exact("20")]


def test_a_tax_without_a_version_in_force_is_refused_not_left_out() -> None:
    found = catalog()
    with pytest.raises(NoTaxInForce):
        taxation_of(found, *parties(found), period("2024-01-01", "2024-02-01"))


def test_the_reason_for_no_tax_is_in_words() -> None:
    for customer, words in (
        ('tax_exempt = "charity"', "Exempt: charity"),
        ('tax_id = "T1"\nreverse_charge = true', "Reverse charge: the customer owes the tax (tax id T1)"),
    ):
        found = catalog(customer=customer)
        assert taxation_of(found, *parties(found), MARCH).set_aside == words
