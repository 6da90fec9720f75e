"""Exact amounts between the rounding points: rationals, since a division (a third of a month) needs them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TypeAlias

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.limits import AMOUNT_FRACTION_DIGITS_MAX, AMOUNT_INTEGER_DIGITS_MAX, EXACT_TEXT_PLACES_MAX
from tieout.kernel.quantity import Quantity

Exact: TypeAlias = Fraction

_AMOUNT = re.compile(
    rf"-?[0-9]{{1,{AMOUNT_INTEGER_DIGITS_MAX}}}(?:\.[0-9]{{1,{AMOUNT_FRACTION_DIGITS_MAX}}})?\Z", re.ASCII
)


class MalformedExact(Refusal):
    """The text is no plain decimal amount."""

    code = "malformed-exact"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return (
            f"{shown(self.text)} is not a plain decimal amount with at most {AMOUNT_INTEGER_DIGITS_MAX} "
            f"integer and {AMOUNT_FRACTION_DIGITS_MAX} fraction digits."
        )


def exact(value: str | int | Quantity) -> Exact:
    """The exact value of a decimal text, a whole number or a quantity. Raises `MalformedExact`."""
    if isinstance(value, Quantity):
        return value.as_fraction()
    if isinstance(value, str) and _AMOUNT.match(value) is None:
        raise MalformedExact(value)
    return Fraction(value)


def exact_text(amount: Exact) -> str:
    """A plain decimal of at most `EXACT_TEXT_PLACES_MAX` places if there is one, else `n/d`, reduced."""
    places = _places(amount.denominator)
    if places is None:
        return f"{amount.numerator}/{amount.denominator}"
    digits = str(abs(amount.numerator) * 10**places // amount.denominator).rjust(places + 1, "0")
    sign = "-" if amount.numerator < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def _places(denominator: int) -> int | None:
    """The fewest decimal places that hold 1/denominator exactly; None if there are more than the limit."""
    twos = fives = 0
    while denominator % 2 == 0 and twos <= EXACT_TEXT_PLACES_MAX:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0 and fives <= EXACT_TEXT_PLACES_MAX:
        denominator //= 5
        fives += 1
    places = max(twos, fives)
    return places if denominator == 1 and places <= EXACT_TEXT_PLACES_MAX else None
