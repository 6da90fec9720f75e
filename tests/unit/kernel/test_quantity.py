"""The number grammar, with everything that other systems' parsers let through."""

from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.errors import SHOWN_LENGTH_MAX
from tieout.kernel.quantity import QUANTITY_ZERO, MalformedQuantity, Quantity, QuantityOverflow

EXAMPLES = settings(max_examples=200)
DECIMALS = st.from_regex(r"-?[0-9]{1,18}(\.[0-9]{1,12})?", fullmatch=True, alphabet="-.0123456789")
QUANTITIES = st.integers(-(10**40), 10**40).map(Quantity.from_atoms)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("007", "7"),
        ("1.50", "1.5"),
        ("-3", "-3"),
        ("-0.5", "-0.5"),
        ("0.000000000001", "0.000000000001"),
        ("999999999999999999.999999999999", "999999999999999999.999999999999"),
        ("100", "100"),
    ],
)
def test_one_text_per_value(text: str, plain: str) -> None:
    assert str(Quantity.parse(text)) == plain


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "+1", ".5", "5.", "1,5", "1.5.5", "1.-5", "--1", "0x10", "1_000", "1__0", "true",
        "1 ", " 1", "1\n", "1\r", "1\x00", "1\u200b", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf",
        "+Inf", "1e5", "1E5", "1e999999999", "1e-999999999", "٣", "１２", "1٫5", "²", "Ⅷ", "−1", "null",
    ],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(MalformedQuantity) as refusal:
        Quantity.parse(text)
    assert refusal.value.reason == "malformed"


@pytest.mark.parametrize("text", ["0." + "1" * 13, "0.1" + "0" * 40, "1" * 19, "0" * 19, "-" + "9" * 5_000])
def test_too_many_digits_are_refused_not_rounded(text: str) -> None:
    with pytest.raises(MalformedQuantity) as refusal:
        Quantity.parse(text)
    assert refusal.value.reason == "digits"


def test_a_hostile_number_costs_nothing_and_its_message_is_short() -> None:
    begin = time.perf_counter()
    for text in ("1e999999999", "9" * 1_000_000, "0." + "1" * 1_000_000):
        with pytest.raises(MalformedQuantity) as refusal:
            Quantity.parse(text)
        assert len(str(refusal.value)) < SHOWN_LENGTH_MAX + 120
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("text", ["5", "5.0", "-5.000", "0", "-0.0"])
def test_whole_numbers_may_be_written_with_zeros(text: str) -> None:
    assert Quantity.parse_integer(text) == Quantity.of(int(Decimal(text)))


@pytest.mark.parametrize("text", ["5.1", "0.000000000001", "-1.5"])
def test_a_fraction_is_no_whole_number(text: str) -> None:
    with pytest.raises(MalformedQuantity) as refusal:
        Quantity.parse_integer(text)
    assert refusal.value.reason == "not an integer"


@EXAMPLES
@given(DECIMALS)
def test_the_value_is_that_of_the_decimal_and_survives_its_text(text: str) -> None:
    quantity = Quantity.parse(text)
    assert quantity.as_fraction() == Fraction(Decimal(text))
    assert Quantity.parse(str(quantity)) == quantity
    assert not str(quantity).startswith("-0") or "." in str(quantity)


@EXAMPLES
@given(QUANTITIES, QUANTITIES)
def test_arithmetic_is_that_of_fractions_without_any_bound(left: Quantity, right: Quantity) -> None:
    assert (left + right).as_fraction() == left.as_fraction() + right.as_fraction()
    assert (left - right).as_fraction() == left.as_fraction() - right.as_fraction()
    assert left + -left == QUANTITY_ZERO
    assert abs(left).as_fraction() == abs(left.as_fraction())
    assert (left < right) == (left.as_fraction() < right.as_fraction())
    assert bool(left) == (left != QUANTITY_ZERO)


def test_overflow_names_what_overflowed() -> None:
    assert "meter tokens" in str(QuantityOverflow("meter tokens"))
