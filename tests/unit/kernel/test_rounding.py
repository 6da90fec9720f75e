"""The six roundings on the values where they differ."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tieout.kernel.money import Money, currency
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import ImpossibleAllocation, Rounding, allocate, quantize, settle

VALUES = ("2.5", "1.5", "1.1", "1.0", "-1.0", "-1.1", "-1.5", "-2.5")
EXPECTED = {
    Rounding.HALF_AWAY_FROM_ZERO: (3, 2, 1, 1, -1, -1, -2, -3),
    Rounding.HALF_EVEN: (2, 2, 1, 1, -1, -1, -2, -2),
    Rounding.UP: (3, 2, 2, 1, -1, -2, -2, -3),
    Rounding.DOWN: (2, 1, 1, 1, -1, -1, -1, -2),
    Rounding.CEILING: (3, 2, 2, 1, -1, -1, -1, -2),
    Rounding.FLOOR: (2, 1, 1, 1, -1, -2, -2, -3),
}


@pytest.mark.parametrize("rounding", Rounding)
def test_each_rounding(rounding: Rounding) -> None:
    yen, euro = currency("JPY"), currency("EUR")
    for text, whole in zip(VALUES, EXPECTED[rounding], strict=True):
        assert settle(Fraction(text), yen, rounding) == Money(whole, yen)
        assert settle(Fraction(text) / 100, euro, rounding) == Money(whole, euro)
        assert quantize(Fraction(text), 0, rounding) == Quantity.of(whole)


def test_a_repeating_fraction_settles_once() -> None:
    assert settle(Fraction(200, 3), currency("USD"), Rounding.HALF_AWAY_FROM_ZERO).decimal_text == "66.67"
    assert str(quantize(Fraction(2, 3), 12, Rounding.DOWN)) == "0.666666666666"


def test_shares_go_to_the_largest_remainder_and_ties_to_the_earlier() -> None:
    usd = currency("USD")
    thirds = [share.minor for share in allocate(Money(100, usd), [Fraction(1)] * 3)]
    assert thirds == [34, 33, 33]
    assert [share.minor for share in allocate(Money(-100, usd), [Fraction(1)] * 3)] == [-34, -33, -33]
    assert [
        share.minor for share in allocate(Money(5, usd), [Fraction(0), Fraction(1, 3), Fraction(2, 3)])
    ] == [0, 2, 3]
    assert [share.minor for share in allocate(Money(0, usd), [Fraction(1), Fraction(2)])] == [0, 0]


@pytest.mark.parametrize("weights", [[], [Fraction(0)], [Fraction(2), Fraction(-1)]])
def test_weights_that_are_no_shares_are_refused(weights: list[Fraction]) -> None:
    with pytest.raises(ImpossibleAllocation):
        allocate(Money(1, currency("USD")), weights)
