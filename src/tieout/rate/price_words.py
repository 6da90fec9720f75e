"""What a price asks for in words, before there is any usage: `2.9 % + 0.30 USD for each event`."""

from __future__ import annotations

from typing import assert_never

from tieout.contract.price import (
    Dynamic,
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PercentTier,
    PerUnit,
    PlainShape,
    Price,
    Tier,
    Volume,
)
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rounding import Rounding
from tieout.rate.wording import amount_text, grouped, percent_text, rate_text


def price_words(price: Price) -> tuple[str, ...]:
    """A sentence for each tier or cell, in order."""
    shape = price.shape
    if isinstance(shape, Flat):
        return (f"{amount_text(shape.amount, price.currency)} for each billing period",)
    if not isinstance(shape, Matrix):
        return _plain(shape, price.currency)
    found = []
    for cell in shape.cells:
        where = ", ".join(f"{name} {value}" for name, value in cell.when)
        found += [f"{where}: {text}" for text in _plain(cell.shape, price.currency)]
    if shape.otherwise is not None:
        found += [f"otherwise: {text}" for text in _plain(shape.otherwise, price.currency)]
    return tuple(found)


def _plain(shape: PlainShape, code: str) -> tuple[str, ...]:
    match shape:
        case PerUnit(unit_amount, per):
            return (rate_text(unit_amount, per, code),)
        case Graduated(tiers, per):
            asked = [_with_flat(rate_text(tier.unit_amount, per, code), tier, code) for tier in tiers]
            return tuple(f"{_span(tiers, place)}: {text}" for place, text in enumerate(asked))
        case Volume(tiers, per):
            asked = [_with_flat(rate_text(tier.unit_amount, per, code), tier, code) for tier in tiers]
            return tuple(f"all units, {_span(tiers, place)}: {text}" for place, text in enumerate(asked))
        case GraduatedPercentage(tiers):
            asked = [_with_flat(percent_text(tier.percent), tier, code) for tier in tiers]
            return tuple(f"{_span(tiers, place)}: {text}" for place, text in enumerate(asked))
        case Package():
            last = "a package begun is paid" if shape.last is Rounding.UP else "only full packages are paid"
            size = grouped(str(shape.size))
            return (f"{amount_text(shape.amount, code)} for each package of {size}; {last}",)
        case Percentage():
            return (_percentage(shape, code),)
        case Dynamic():
            return (f"what each event states in {shape.amount_field}",)
        case _:
            assert_never(shape)


def _percentage(shape: Percentage, code: str) -> str:
    text = percent_text(shape.percent)
    if shape.fixed:
        text += f" + {amount_text(shape.fixed, code)} for each event"
    if shape.event_minimum is not None:
        text += f", at least {amount_text(shape.event_minimum, code)} an event"
    if shape.event_maximum is not None:
        text += f", at most {amount_text(shape.event_maximum, code)} an event"
    return text


def _span(tiers: tuple[Tier, ...] | tuple[PercentTier, ...], place: int) -> str:
    lower: Quantity = QUANTITY_ZERO if place == 0 else tiers[place - 1].up_to or QUANTITY_ZERO
    upper = tiers[place].up_to
    begins, ends = grouped(str(lower)), None if upper is None else grouped(str(upper))
    if ends is None:
        return f"above {begins}" if place else "any quantity"
    return f"up to {ends}" if place == 0 else f"above {begins} up to {ends}"


def _with_flat(text: str, tier: Tier | PercentTier, code: str) -> str:
    return f"{text} + {amount_text(tier.flat_amount, code)}" if tier.flat_amount else text
