"""Exact amounts and their one text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import MalformedExact, adds_up, exact, exact_sum, exact_text

EXAMPLES = settings(max_examples=200)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(7), "7"),
        (Fraction(-5, 2), "-2.5"),
        (Fraction(1, 1000), "0.001"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-22, 7), "-22/7"),
        (Fraction(1, 10**30), "0." + "0" * 29 + "1"),
        (Fraction(1, 10**31), "1/1" + "0" * 31),
        (Fraction(1, 2**31), f"1/{2**31}"),
    ],
)
def test_plain_decimal_if_it_ends_within_thirty_places(amount: Fraction, text: str) -> None:
    assert exact_text(amount) == text


@EXAMPLES
@given(st.fractions())
def test_the_text_is_exact(amount: Fraction) -> None:
    assert Fraction(exact_text(amount)) == amount


def test_exact_reads_texts_whole_numbers_and_quantities() -> None:
    assert exact("0.000000000000000001") == Fraction(1, 10**18)
    assert exact(-3) == Fraction(-3)
    assert exact(Quantity.parse("2.5")) == Fraction(5, 2)


@pytest.mark.parametrize(
    "text", ["", "1/3", "1e3", "NaN", "0.1\n", "1_0", " 1", "١", "1.", ".1", "0." + "1" * 19, "1" * 19]
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(MalformedExact):
        exact(text)


@EXAMPLES
@given(st.lists(st.fractions(), max_size=8), st.fractions())
def test_a_sum_is_that_of_plain_additions(amounts: list[Fraction], other: Fraction) -> None:
    total = sum(amounts, Fraction(0))
    assert exact_sum(amounts) == total
    assert adds_up(amounts, total)
    assert adds_up(amounts, other) == (other == total)
