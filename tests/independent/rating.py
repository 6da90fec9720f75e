"""What a part of a period costs: conversion, allowance, shape, discounts, minimum, maximum, in that order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.independent.documents import Document
from tests.independent.instants import Span, instant
from tests.independent.log import Event
from tests.independent.numbers import digits, minor, to_places
from tests.independent.shapes import SHAPES, ZERO, number, percentage, percentage_of_one
from tests.independent.usage import Usage, aggregate, fits, said

Group = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Charge:
    """What is asked for one part, or one group of it, in all; `metered` where usage is behind it."""

    subscription: str
    price: Document
    group: Group
    part: Span
    period: Span
    quantity: Fraction
    amount: Fraction
    words: str
    plan: str = ""
    program: str | None = None
    meter: str | None = None
    unit: str | None = None
    events: tuple[Event, ...] = ()
    kind: str = "price"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def scope(self) -> tuple[str, str, int, Group]:
        """What it is for, however often it is billed."""
        return self.subscription, self.price["key"], self.part[0], self.group

    @property
    def settled(self) -> int:
        rule = self.price.get("rounding", "half_away_from_zero")
        return minor(self.amount, self.price["currency"], rule)


def converted(meter: Document, quantity: Fraction) -> Fraction:
    if "conversion" not in meter:
        return quantity
    how = meter["conversion"]
    return to_places(quantity / number(how, "divide_by"), how["places"], how["rounding"])


def in_money(price: Document, quantity: Fraction) -> Fraction:
    """Usage that is an amount of money, in whole units of the currency."""
    if price.get("amount_in", "major") == "minor":
        return quantity / 10 ** digits(price["currency"])
    return quantity


def by_event(price: Document) -> bool:
    bounded = "event_minimum" in price or "event_maximum" in price
    return price.get("rate_by", "line") == "event" or bounded


def groups(price: Document, usage: Usage) -> list[tuple[Group, tuple[Event, ...]]]:
    """A line for each value; nothing used is one line without."""
    names = sorted(price.get("group_by", []))
    if not names or not usage.events:
        return [((), usage.events)]
    found: dict[Group, list[Event]] = {}
    for event in usage.events:
        key = tuple((name, said(event, name)) for name in names)
        found.setdefault(key, []).append(event)
    order = sorted(found, key=lambda key: [text or "" for _, text in key])
    return [(key, tuple(found[key])) for key in order]


@dataclass(frozen=True)
class Rated:
    quantity: Fraction
    amount: Fraction


def rate_usage(
    price: Document, meter: Document, usage: Usage, share: Fraction, *, before: Fraction, allowed: Fraction
) -> Rated:
    """The shape alone. `before` are units of earlier parts whose tiers go on; `allowed` are free."""
    if price["shape"] == "dynamic":
        cost = sum((number(event.data, price["amount_field"]) for event in usage.events), ZERO)
        return Rated(converted(meter, usage.quantity), in_money(price, cost))
    if price["shape"] == "matrix":
        return _matrix(price, meter, usage)
    if by_event(price):
        return _event_by_event(price, meter, usage)
    quantity = converted(meter, usage.quantity)
    units = quantity - min(allowed, quantity) if quantity > 0 else quantity
    if price["shape"] == "percentage":
        return Rated(quantity, percentage(price, in_money(price, units), len(usage.events)))
    shape = SHAPES[price["shape"]]
    money = price["shape"] == "graduated_percentage"
    bounds = share if price.get("tier_split", "restart") == "prorate" else Fraction(1)
    used = in_money(price, units) if money else units
    cost = shape(price, before + used, bounds)
    return Rated(quantity, cost - (shape(price, before, bounds) if before else ZERO))


def _event_by_event(price: Document, meter: Document, usage: Usage) -> Rated:
    quantity, cost = ZERO, ZERO
    for event in usage.events:
        units = converted(meter, aggregate(meter, [event]))
        one = (
            percentage_of_one(price, in_money(price, units))
            if price["shape"] == "percentage"
            else SHAPES[price["shape"]](price, units, Fraction(1))
        )
        if price.get("round_at", "line") == "event":
            one = Fraction(minor(one, price["currency"]), 10 ** digits(price["currency"]))
        quantity, cost = quantity + units, cost + one
    return Rated(quantity, cost)


def _matrix(price: Document, meter: Document, usage: Usage) -> Rated:
    """Each event goes to the first cell that fits it, what fits none to `otherwise`."""
    cells = [*price["cell"], *([price["otherwise"]] if "otherwise" in price else [])]
    piles: list[list[Event]] = [[] for _ in cells]
    for event in usage.events:
        fitting = (
            place
            for place, cell in enumerate(cells)
            if fits(event, {name: [said] for name, said in cell.get("when", {}).items()})
        )
        piles[next(fitting)].append(event)
    quantity, cost = ZERO, ZERO
    for cell, pile in zip(cells, piles, strict=True):
        if pile:
            shape = {**cell, "currency": price["currency"]}
            rated = rate_usage(
                shape,
                meter,
                Usage(aggregate(meter, pile), tuple(pile)),
                Fraction(1),
                before=ZERO,
                allowed=ZERO,
            )
            quantity, cost = quantity + rated.quantity, cost + rated.amount
    return Rated(quantity, cost)


def modified(price: Document, amount: Fraction, part: Span, share: Fraction, *, final: bool) -> Fraction:
    """Discounts as listed, then the minimum, then the maximum. A minimum is asked only by a final paper."""
    counted = share if price.get("prorate", True) else Fraction(1)
    for discount in price.get("discount", []):
        if "until" in discount and instant(discount["until"]) < part[1]:
            continue
        if "percent" in discount:
            amount -= amount * number(discount, "percent") / 100
        elif amount > 0:
            amount -= min(amount, number(discount, "amount") * counted)
    if "minimum" in price and final:
        amount = max(amount, number(price, "minimum") * counted)
    if "maximum" in price:
        amount = min(amount, number(price, "maximum") * counted)
    return amount


def allowance(price: Document, share: Fraction) -> Fraction:
    return number(price, "allowance") * (share if price.get("prorate", True) else Fraction(1))


def quantities(charges: Sequence[Charge]) -> Fraction:
    return sum((charge.quantity for charge in charges), ZERO)
