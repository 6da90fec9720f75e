"""L10, the kernel's part: rounding happens once, moves less than one unit, and shares add up to the whole."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
)
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.money import CURRENCIES, Currency, Money
from tieout.kernel.rounding import Rounding, allocate, quantize, settle

EXAMPLES = settings(max_examples=300)
WIDE = Context(prec=400)
CURRENCY = st.sampled_from(sorted(CURRENCIES.values(), key=lambda unit: unit.code))
ROUNDING = st.sampled_from(Rounding)
AMOUNT = st.fractions(-(10**20), 10**20)
DECIMAL_OF = {
    Rounding.HALF_AWAY_FROM_ZERO: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
    Rounding.CEILING: ROUND_CEILING,
    Rounding.FLOOR: ROUND_FLOOR,
}


@EXAMPLES
@given(AMOUNT, CURRENCY, ROUNDING)
def test_settling_moves_less_than_one_minor_unit(
    amount: Fraction, unit: Currency, rounding: Rounding
) -> None:
    settled = settle(amount, unit, rounding)
    minor = Fraction(1, 10**unit.exponent)
    assert abs(settled.minor * minor - amount) < minor
    assert settle(settled.minor * minor, unit, rounding) == settled


@EXAMPLES
@given(st.integers(-(10**9), 10**9), st.integers(0, 6), CURRENCY, ROUNDING)
def test_settling_equals_the_decimal_standard(
    digits: int, places: int, unit: Currency, rounding: Rounding
) -> None:
    standard = (
        Decimal(digits).scaleb(unit.exponent - places, WIDE).quantize(Decimal(1), DECIMAL_OF[rounding], WIDE)
    )
    assert settle(Fraction(digits, 10**places), unit, rounding) == Money(int(standard), unit)


@EXAMPLES
@given(AMOUNT, st.integers(0, 12), ROUNDING)
def test_quantizing_keeps_the_places_and_is_done_once(
    amount: Fraction, places: int, rounding: Rounding
) -> None:
    quantity = quantize(amount, places, rounding)
    assert abs(quantity.as_fraction() - amount) < Fraction(1, 10**places)
    assert (quantity.as_fraction() * 10**places).denominator == 1
    assert quantize(quantity.as_fraction(), places, rounding) == quantity


@EXAMPLES
@given(AMOUNT, CURRENCY)
def test_half_away_from_zero_is_the_same_for_credits(amount: Fraction, unit: Currency) -> None:
    rounding = Rounding.HALF_AWAY_FROM_ZERO
    assert settle(-amount, unit, rounding) == -settle(amount, unit, rounding)


@EXAMPLES
@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.builds(Fraction, st.integers(0, 1000), st.integers(1, 12)), min_size=1, max_size=8).filter(
        any
    ),
)
def test_shares_add_up_and_none_is_a_unit_off(minor: int, weights: list[Fraction]) -> None:
    unit = CURRENCIES["EUR"]
    shares = allocate(Money(minor, unit), weights)
    assert sum(share.minor for share in shares) == minor
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor - Fraction(minor) * weight / sum(weights)) < 1
        assert weight > 0 or share.minor == 0
