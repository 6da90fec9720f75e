"""Exact amounts between the rounding points: rationals, since a division (a third of a month) needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from math import lcm
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
    numerator, denominator = amount.numerator, amount.denominator
    places = _PLACES.get(denominator)
    if places is None:
        return f"{numerator}/{denominator}"
    digits = str(abs(numerator) * 10**places // denominator).rjust(places + 1, "0")
    sign = "-" if numerator < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def exact_sum(amounts: Iterable[Exact]) -> Exact:
    """The sum, exact, brought to lowest terms once."""
    return Fraction(*_sum(amounts))


def adds_up(amounts: Iterable[Exact], total: Exact) -> bool:
    """Whether the amounts add up to `total`, exactly."""
    numerator, denominator = _sum(amounts)
    return numerator * total.denominator == total.numerator * denominator


def _sum(amounts: Iterable[Exact]) -> tuple[int, int]:
    """Numerator and denominator of the sum, not in lowest terms."""
    ratios = [amount.as_integer_ratio() for amount in amounts]
    common = lcm(*[denominator for _, denominator in ratios])
    return sum([numerator * (common // denominator) for numerator, denominator in ratios]), common


_PLACES = {
    2**twos * 5**fives: max(twos, fives)
    for twos in range(EXACT_TEXT_PLACES_MAX + 1)
    for fives in range(EXACT_TEXT_PLACES_MAX + 1)
}
"""The fewest decimal places that hold 1/denominator exactly, for every denominator that the limit allows."""
