"""What usage costs, by the shape of a price: one short function each, in fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tests.independent.documents import Document

ZERO = Fraction(0)


def number(document: Document, name: str, default: str = "0") -> Fraction:
    return Fraction(str(document.get(name, default)))


def whole_up(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)


def per_unit(price: Document, units: Fraction, share: Fraction) -> Fraction:  # noqa: ARG001 - all shapes alike
    return number(price, "unit_amount") * units / number(price, "per", "1")


def graduated(price: Document, units: Fraction, share: Fraction) -> Fraction:
    """Each unit in its own tier. A tier's fixed amount is due on entering it, the first at zero.

    Below zero all units are the first tier's. `share` shrinks bounds and fixed amounts.
    """
    cost, below = ZERO, ZERO
    for place, tier in enumerate(price["tiers"]):
        if place > 0 and units <= below:
            break
        top = Fraction(str(tier["up_to"])) * share if "up_to" in tier else None
        inside = units - below if top is None or units <= top else top - below
        cost += _tier_rate(price, tier) * inside + number(tier, "flat_amount") * share
        if top is None:
            break
        below = top
    return cost


def volume(price: Document, units: Fraction, share: Fraction) -> Fraction:
    """All units in the tier that their number reaches; a bound belongs to the tier below it."""
    for tier in price["tiers"]:
        if "up_to" not in tier or units <= Fraction(str(tier["up_to"])) * share:
            return _tier_rate(price, tier) * units + number(tier, "flat_amount") * share
    raise AssertionError("the last tier is open")


def _tier_rate(price: Document, tier: Document) -> Fraction:
    if "percent" in tier:
        return number(tier, "percent") / 100
    return number(tier, "unit_amount") / number(price, "per", "1")


def package(price: Document, units: Fraction, share: Fraction) -> Fraction:
    """A started package costs as much as a full one, or nothing where `last` is down."""
    packages = abs(units) / (number(price, "size") * share)
    full = packages.numerator // packages.denominator
    count = full if price.get("last", "up") == "down" else whole_up(packages)
    return number(price, "amount") * share * (count if units >= 0 else -count)


SHAPES: dict[str, Callable[[Document, Fraction, Fraction], Fraction]] = {
    "per_unit": per_unit,
    "graduated": graduated,
    "graduated_percentage": graduated,
    "volume": volume,
    "package": package,
}
"""Those that see only how many units there are; `rating` knows those that look at events."""


def percentage(price: Document, amount: Fraction, count: int) -> Fraction:
    """Of an amount of money, and a fixed part for each event."""
    return number(price, "percent") / 100 * amount + number(price, "fixed") * count


def percentage_of_one(price: Document, amount: Fraction) -> Fraction:
    """Of one event, within its bounds: no minimum for a refund, and no more credited than the maximum."""
    cost = percentage(price, amount, 1)
    if "event_minimum" in price and amount >= 0:
        cost = max(cost, number(price, "event_minimum"))
    if "event_maximum" in price:
        most = number(price, "event_maximum")
        cost = max(-most, min(cost, most))
    return cost
