"""Tiers and packages for a part of a period: bounds, sizes and fixed amounts times the part's share of it.

So a part used as evenly as the whole costs its share of the whole, exactly. Bounds that do not end as
decimals stay rationals, and the working shows them as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.contract.price import (
    Graduated,
    GraduatedPercentage,
    Package,
    PercentTier,
    PriceShape,
    Tier,
    Volume,
)
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.rounding import Rounding
from tieout.kernel.working import Step, Working
from tieout.rate.wording import amount_text, grouped, percent_text, rate_text

HUNDRED = Exact(100)


def prorated_working(
    shape: PriceShape, quantity: Quantity, share: Exact, *, unit: str, currency: str
) -> Working:
    """The steps of one part; `share` is above 0 and at most 1. With share 1 it asks what the shape asks."""
    assert 0 < share <= 1, share
    units = quantity.as_fraction()
    match shape:
        case Graduated(tiers, per):
            bands = _rates(tiers, per, currency)
            return tuple(_graduated(bands, units, share=share, unit=unit, currency=currency))
        case GraduatedPercentage(percent_tiers):
            bands = _percents(percent_tiers)
            return tuple(_graduated(bands, units, share=share, unit=unit, currency=currency))
        case Volume(tiers, per):
            bands = _rates(tiers, per, currency)
            return tuple(_volume(bands, units, share=share, unit=unit, currency=currency))
        case Package():
            return (_package(shape, units, share=share, unit=unit, currency=currency),)
        case _:
            raise AssertionError(f"{type(shape).__name__} has no tiers; the catalog's check refuses it")


Band = tuple[Exact | None, Exact, str, Exact]
"""Upper bound (None: open), exact rate for one unit, its words, fixed amount; all for a whole period."""


def _rates(tiers: Sequence[Tier], per: Exact, currency: str) -> list[Band]:
    return [
        (
            None if tier.up_to is None else tier.up_to.as_fraction(),
            tier.unit_amount / per,
            rate_text(tier.unit_amount, per, currency),
            tier.flat_amount,
        )
        for tier in tiers
    ]


def _percents(tiers: Sequence[PercentTier]) -> list[Band]:
    return [
        (
            None if tier.up_to is None else tier.up_to.as_fraction(),
            tier.percent / HUNDRED,
            percent_text(tier.percent),
            tier.flat_amount,
        )
        for tier in tiers
    ]


def _graduated(
    bands: Sequence[Band], units: Exact, *, share: Exact, unit: str, currency: str
) -> Iterator[Step]:
    lower = Exact(0)
    for ordinal, (bound, rate, words, fixed) in enumerate(bands, start=1):
        upper = None if bound is None else bound * share
        if ordinal == 1 or units > lower:
            inside = (units if upper is None else min(units, upper)) - lower
            place = "first" if ordinal == 1 else "next"
            above = "" if ordinal == 1 else f" (above {_number(lower)})"
            used = f"{place} {_number(inside)} {unit}{above}"
            yield _units(ordinal, inside, rate, used=used, at=words, currency=currency)
            yield from _fixed(ordinal, fixed, share=share, currency=currency)
        if upper is None:
            return
        lower = upper


def _volume(bands: Sequence[Band], units: Exact, *, share: Exact, unit: str, currency: str) -> Iterator[Step]:
    ordinal, (_, rate, words, fixed) = next(
        (ordinal, band)
        for ordinal, band in enumerate(bands, start=1)
        if band[0] is None or units <= band[0] * share
    )
    used = f"all {_number(units)} {unit} in tier {ordinal}"
    yield _units(ordinal, units, rate, used=used, at=words, currency=currency)
    yield from _fixed(ordinal, fixed, share=share, currency=currency)


def _package(shape: Package, units: Exact, *, share: Exact, unit: str, currency: str) -> Step:
    """It has no rate: what a unit costs depends on how full the last package is."""
    size, price = shape.size.as_fraction() * share, shape.amount * share
    exact_count = units / size
    away = shape.last is Rounding.UP
    count = int(exact_count)
    if away and exact_count != count:
        count += 1 if exact_count > 0 else -1
    amount = count * price
    kept = "a package begun is a full one" if away else "a package begun costs nothing"
    text = (
        f"{_number(units)} {unit} are {count:,} package{'' if abs(count) == 1 else 's'} of {_number(size)} "
        f"at {amount_text(price, currency)} each ({kept}) = {amount_text(amount, currency)}"
    )
    return Step("packages", text, exact_text(units), None, amount)


def _units(ordinal: int, units: Exact, rate: Exact, *, used: str, at: str, currency: str) -> Step:
    amount = units * rate
    text = f"{used} at {at} = {amount_text(amount, currency)}"
    return Step(f"tier-{ordinal}", text, exact_text(units), exact_text(rate), amount)


def _fixed(ordinal: int, fixed: Exact, *, share: Exact, currency: str) -> Iterator[Step]:
    if fixed != 0:
        amount = fixed * share
        text = f"fixed amount of tier {ordinal}, its share = {amount_text(amount, currency)}"
        yield Step(f"tier-{ordinal}-flat", text, None, None, amount)


def _number(number: Exact) -> str:
    text = exact_text(number)
    return text if "/" in text else grouped(text)
