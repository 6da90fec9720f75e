"""What the aggregations mean, written once more: quantities in atoms of 10^-12, exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from tieout.evidence.verify.events_file import DisclosedEvent
from tieout.kernel.quantity import Quantity

ATOMS = 10**12
HOUR = 3_600_000_000
Span = tuple[str, int, int]
"""Subject, start and end in microseconds; the end is outside."""


def quantity_of(
    aggregation: str,
    name: str | None,
    events: Sequence[DisclosedEvent],
    opening: Sequence[DisclosedEvent],
    spans: Sequence[Span],
) -> int:
    """In atoms. `name`: the metered field. Raises `ValueError` for what is no number or no aggregation."""
    if aggregation == "count":
        return len(events) * ATOMS
    if name is None:
        raise ValueError(f"{aggregation} needs a field")
    if aggregation == "unique":
        return len({event.fields[name] for event in events}) * ATOMS
    if aggregation == "time_weighted":
        return _time_weighted(name, events, opening, spans)
    if aggregation not in NUMERIC:
        raise ValueError(f"{aggregation} is no aggregation of format 1")
    if not events:
        return 0
    ordered = sorted(events, key=lambda event: event.order) if aggregation == "last" else events
    return NUMERIC[aggregation]([atoms(event.fields[name]) for event in ordered])


def atoms(text: str) -> int:
    return Quantity.parse(text).atoms


def half_away(ratio: Fraction) -> int:
    """The whole number next to it; of two equally near ones that away from zero."""
    whole = (2 * abs(ratio.numerator) + ratio.denominator) // (2 * ratio.denominator)
    return -whole if ratio < 0 else whole


NUMERIC: Mapping[str, Callable[[list[int]], int]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "last": lambda numbers: numbers[-1],
    "average": lambda numbers: half_away(Fraction(sum(numbers), len(numbers))),
}


def _time_weighted(
    name: str, events: Sequence[DisclosedEvent], opening: Sequence[DisclosedEvent], spans: Sequence[Span]
) -> int:
    """Level times hours: an event's level holds until the next one of its subject, or the span's end."""
    by_subject: dict[str, list[DisclosedEvent]] = {}
    for event in sorted(
        {id(each): each for each in (*opening, *events)}.values(), key=lambda each: each.order
    ):
        by_subject.setdefault(event.subject, []).append(event)
    parts = 0
    for subject, start, end in spans:
        level, since = 0, start
        for event in by_subject.get(subject, ()):
            if event.time >= end:
                break
            if event.time > start:
                parts += level * (event.time - since)
                since = event.time
            level = atoms(event.fields[name])
        parts += level * (end - since)
    return half_away(Fraction(parts, HOUR))
