"""What sources state that they sent, against what arrived: a difference is nobody's and everybody's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.independent.instants import Span, instant, overlap
from tests.independent.numbers import quantity_text
from tests.independent.world import World


def held(world: World, period: Span) -> bool:
    """Whether a source states something else for a time of the period: nobody knows whose it is, so nobody is
    billed."""
    return any(
        overlap(_span(told), period) and _stated(told) != _found(world, told)
        for told in world.stated.values()
    )


def waivers(world: World, period: Span) -> list[dict[str, Any]]:
    """What was let pass for a time of the period, as an invoice prints it."""
    return [
        {
            "statement": told["id"],
            "difference": "stated "
            + _words(told, _stated(told))
            + ", accepted "
            + _words(told, _found(world, told)),
            "reason": told["reason"],
        }
        for told in world.waived
        if overlap(_span(told), period)
    ]


def _span(told: dict[str, Any]) -> Span:
    return instant(told["start"]), instant(told["end"])


def _stated(told: dict[str, Any]) -> tuple[int, Fraction]:
    return int(told["events"]), Fraction(told.get("total", "0"))


def _found(world: World, told: dict[str, Any]) -> tuple[int, Fraction]:
    start, end = _span(told)
    mine = [
        event
        for event in world.log.events
        if (event.source, event.type) == (told["source"], told["type"]) and start <= event.time < end
    ]
    field = told.get("field")
    total = sum((Fraction(str(event.data[field])) for event in mine if field), Fraction(0))
    return len(mine), total


def _words(told: dict[str, Any], found: tuple[int, Fraction]) -> str:
    field = f", {told['field']} {quantity_text(found[1])}" if "field" in told else ""
    return f"{found[0]} events{field}"
