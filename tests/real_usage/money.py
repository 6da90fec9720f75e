"""What a price asks for a quantity, and how an amount is settled: fractions until the one rounding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Tier:
    """Units up to and including `up_to` (None: all the rest) cost `each` for every `per` of the price."""

    up_to: str | None
    each: str


@dataclass(frozen=True)
class Price:
    """`shape` is graduated, volume, package or flat. `per`: units that a unit amount is for; of a package,
    its size. `each` of the only tier of a package is what one costs, of a flat fee that of a whole period."""

    key: str
    description: str
    shape: str
    tiers: tuple[Tier, ...]
    meter: str | None = None
    per: str = "1"


def asked(price: Price, quantity: Fraction, share: Fraction) -> Fraction:
    """Exact. `share`: the part of the period that a fee is for."""
    per = Fraction(price.per)
    if price.shape == "flat":
        return Fraction(price.tiers[0].each) * share
    if price.shape == "package":
        whole, rest = divmod(quantity, per)
        return Fraction(price.tiers[0].each) * (whole + (1 if rest else 0))
    if price.shape == "volume":
        for tier in price.tiers:
            if tier.up_to is None or quantity <= Fraction(tier.up_to):
                return Fraction(tier.each) * quantity / per
    amount, below = Fraction(0), Fraction(0)
    for tier in price.tiers:
        top = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        if top > below:
            amount += Fraction(tier.each) * (top - below) / per
            below = top
    return amount


def settled(amount: Fraction) -> Fraction:
    """To whole cents, half away from zero."""
    cents = floor(abs(amount) * 100 + Fraction(1, 2))
    return Fraction(cents if amount >= 0 else -cents, 100)


def cents_text(amount: Fraction) -> str:
    """`-12.30`; the amount is a whole number of cents."""
    cents = amount * 100
    assert cents.denominator == 1, amount
    whole, rest = divmod(abs(cents.numerator), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"


def plain_text(quantity: Fraction) -> str:
    """A decimal without a needless zero; the quantity has one."""
    sign, left = ("-", -quantity) if quantity < 0 else ("", quantity)
    whole, rest, digits = int(left), left - int(left), ""
    while rest:
        rest *= 10
        digits += str(int(rest))
        rest -= int(rest)
        assert len(digits) < 40, quantity
    return f"{sign}{whole}" + (f".{digits}" if digits else "")
