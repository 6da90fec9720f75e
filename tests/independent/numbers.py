"""Fractions in, minor units out: the two places where a number is rounded, and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

MINOR_DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "JOD": 3, "TND": 3}
"""ISO 4217; all others have two."""


def digits(currency: str) -> int:
    return MINOR_DIGITS.get(currency, 2)


def rounded(value: Fraction, rule: str = "half_away_from_zero") -> int:
    size = abs(value)
    whole = size.numerator // size.denominator
    rest = size - whole
    half = Fraction(1, 2)
    up = {
        "half_away_from_zero": rest >= half,
        "half_even": rest > half or (rest == half and whole % 2 == 1),
        "up": rest > 0,
        "down": False,
        "ceiling": rest > 0 and value > 0,
        "floor": rest > 0 and value < 0,
    }[rule]
    return (whole + up) * (-1 if value < 0 else 1)


def minor(value: Fraction, currency: str, rule: str = "half_away_from_zero") -> int:
    """Money is rounded here and nowhere else."""
    return rounded(value * 10 ** digits(currency), rule)


def to_places(value: Fraction, places: int, rule: str = "half_away_from_zero") -> Fraction:
    return Fraction(rounded(value * 10**places, rule), 10**places)


def money_text(amount: int, currency: str) -> str:
    places = digits(currency)
    sign, size = ("-" if amount < 0 else ""), str(abs(amount)).rjust(places + 1, "0")
    return f"{sign}{size[:-places]}.{size[-places:]}" if places else sign + size


def quantity_text(value: Fraction) -> str:
    """Up to twelve decimals, without zeros at the end."""
    scaled = rounded(value * 10**12)
    whole, rest = divmod(abs(scaled), 10**12)
    decimals = str(rest).rjust(12, "0").rstrip("0")
    return ("-" if scaled < 0 else "") + str(whole) + (f".{decimals}" if decimals else "")


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """By largest remainder; of equal remainders the first. Weights are zero or more."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    exact = [Fraction(abs(total) * weight, whole) for weight in weights]
    given = [each.numerator // each.denominator for each in exact]
    left = abs(total) - sum(given)
    order = sorted(range(len(weights)), key=lambda place: (given[place] - exact[place], place))
    for place in order[:left]:
        given[place] += 1
    return [each * (-1 if total < 0 else 1) for each in given]
