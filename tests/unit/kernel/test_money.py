"""Money in minor units, with the exponent that ISO 4217 gives."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tieout.kernel.money import (
    CURRENCIES,
    CurrencyMismatch,
    FinerThanMinor,
    Money,
    UnknownCurrency,
    currency,
    zero,
)
from tieout.kernel.rational import MalformedExact


@pytest.mark.parametrize(
    ("minor", "code", "text"),
    [
        (1230, "USD", "12.30"),
        (0, "USD", "0.00"),
        (-5, "EUR", "-0.05"),
        (100, "EUR", "1.00"),
        (500, "JPY", "500"),
        (-1, "JPY", "-1"),
        (1234, "KWD", "1.234"),
        (-1, "BHD", "-0.001"),
        (12345, "CLF", "1.2345"),
    ],
)
def test_decimal_text_has_all_minor_digits(minor: int, code: str, text: str) -> None:
    money = Money(minor, currency(code))
    assert money.decimal_text == text
    assert str(money) == f"{text} {code}"


@pytest.mark.parametrize("code", ["", "usd", "US", "USDD", "XXX", "XAU", "ANG", "HRK", "$", "USD\n"])
def test_unknown_codes_are_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        currency(code)


def test_sums_stay_in_one_currency() -> None:
    dollars, yen = Money(100, currency("USD")), Money(100, currency("JPY"))
    assert dollars + dollars - dollars == dollars
    assert dollars + -dollars == zero(currency("USD"))
    for mixed in (dollars.__add__, dollars.__sub__):
        with pytest.raises(CurrencyMismatch):
            mixed(yen)


def test_the_table_has_each_code_once_with_its_exponent() -> None:
    assert all(code == unit.code and len(code) == 3 and code.isupper() for code, unit in CURRENCIES.items())
    by_exponent = {
        exponent: [c for c, u in CURRENCIES.items() if u.exponent == exponent] for exponent in range(5)
    }
    assert {exponent: len(codes) for exponent, codes in by_exponent.items()} == {
        0: 17,
        1: 0,
        2: 133,
        3: 7,
        4: 2,
    }


@pytest.mark.parametrize(
    ("amount", "code", "minor"), [("12.30", "USD", 1230), ("-0.05", "EUR", -5), ("500", "JPY", 500)]
)
def test_what_was_settled_is_read_back_exactly(amount: str, code: str, minor: int) -> None:
    assert Money.exactly(Fraction(amount), currency(code)) == Money(minor, currency(code))


@pytest.mark.parametrize(("amount", "code"), [("0.005", "USD"), ("-12.301", "EUR"), ("1.5", "JPY")])
def test_what_is_finer_than_a_minor_unit_is_never_cut_off(amount: str, code: str) -> None:
    with pytest.raises(FinerThanMinor, match=f"{code} is finer than the currency's minor unit"):
        Money.exactly(Fraction(amount), currency(code))


def test_a_printed_amount_is_read_in_one_way() -> None:
    dollars, yen = currency("USD"), currency("JPY")
    assert Money.read("-12.30", dollars) == Money(-1230, dollars)
    assert Money.read("12.3", dollars) == Money(1230, dollars)
    assert Money.read("500", yen) == Money(500, yen)
    with pytest.raises(FinerThanMinor):
        Money.read("31.135", dollars)
    with pytest.raises(MalformedExact):
        Money.read("1e2", dollars)
