"""How much: the events of a meter in a span, and what an aggregation makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.independent.documents import Catalog, Document
from tests.independent.instants import HOUR, Span
from tests.independent.log import Event
from tests.independent.numbers import to_places

PLACES = 12
"""A quotient of usage is rounded to as many decimals, once."""


@dataclass(frozen=True)
class Usage:
    """What one meter counted in a span: the quantity, and the events behind it."""

    quantity: Fraction
    events: tuple[Event, ...]


def counts(meter: Document, event: Event) -> bool:
    """Whether an event of a customer is one that the meter counts."""
    if event.type != meter["event"]:
        return False
    if any(not fits(event, {name: given}) for name, given in meter.get("filter", {}).items()):
        return False
    if not meter.get("include_non_production", False) and not event.production:
        return False
    if any(fits(event, each["where"]) for each in meter.get("exclude", [])):
        return False
    return "field" not in meter or meter["field"] in event.data


def fits(event: Event, where: dict[str, list[str]]) -> bool:
    return all(said(event, name) in given for name, given in where.items())


def said(event: Event, name: str) -> str | None:
    """A field as text; yes and no as JSON writes them."""
    found = event.data.get(name)
    return None if found is None else str(found).lower() if isinstance(found, bool) else str(found)


def measure(catalog: Catalog, meter: Document, customer: str, span: Span, events: Sequence[Event]) -> Usage:
    """The customer's usage in the span, of these events."""
    start, end = span
    alike = [event for event in events if counts(meter, event)]
    mine = tuple(
        event
        for event in alike
        if start <= event.time < end and catalog.owner(event.subject, event.time) == customer
    )
    if meter["aggregation"] == "time_weighted":
        return Usage(_held(catalog, meter, customer, span, alike), mine)
    return Usage(aggregate(meter, mine), mine)


def value(meter: Document, event: Event) -> Fraction:
    return Fraction(str(event.data[meter["field"]]))


def aggregate(meter: Document, events: Sequence[Event]) -> Fraction:
    """Of events in a span; nothing counted is 0."""
    kind = meter["aggregation"]
    if kind == "count":
        return Fraction(len(events))
    if not events:
        return Fraction(0)
    if kind == "unique":
        return Fraction(len({str(event.data[meter["field"]]) for event in events}))
    values = [value(meter, event) for event in events]
    if kind == "last":
        return max(zip(events, values, strict=True), key=lambda pair: (pair[0].time, pair[0].place))[1]
    if kind == "average":
        return to_places(sum(values, Fraction(0)) / len(values), PLACES)
    return {"sum": sum(values, Fraction(0)), "max": max(values), "min": min(values)}[kind]


def _held(catalog: Catalog, meter: Document, customer: str, span: Span, events: Sequence[Event]) -> Fraction:
    """Levels times hours: each subject holds what it said last, however long before the span that was."""
    total = Fraction(0)
    for subject in {event.subject for event in events}:
        said = sorted((e for e in events if e.subject == subject), key=lambda e: (e.time, e.place))
        for place, event in enumerate(said):
            until = said[place + 1].time if place + 1 < len(said) else span[1]
            start, end = max(event.time, span[0]), min(until, span[1])
            if start < end and catalog.owner(subject, start) == customer:
                total += value(meter, event) * Fraction(end - start, HOUR)
    return to_places(total, PLACES)
