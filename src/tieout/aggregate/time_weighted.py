"""Time-weighted: an event states a level of its subject, which holds from its time until the next one's.

The quantity is level times hours, added up over all subjects and spans: 3 GB for 10 hours are 30 GB-hours. A
span opens with the level of the last event before it, whoever the subject belonged to then; before a
subject's first event its level is 0. Of events at one time the last by (batch, row) states the level. The sum
is exact and is rounded once, to 12 places, half away from zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.aggregate.sum import overflows
from tieout.aggregate.window import ClippedSpan
from tieout.kernel.ids import Position, Subject
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.quantity import ATOMS_PER_UNIT, Quantity, QuantityOverflow
from tieout.kernel.rounding import Rounding, quantize

FOLDING: Final = Folding.NEVER
"""An event between two others changes how long the one before it held."""
PARTS_PER_UNIT_HOUR: Final = ATOMS_PER_UNIT * HOUR_MICROSECONDS
"""Levels are atoms and durations microseconds, so their products are whole numbers."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The level with which one span of a subject starts, and the event before the span that stated it."""

    subject: Subject
    start: Instant
    level: Quantity
    time: Instant
    position: Position


def meaning(
    selected: Iterable[Selected], spans: Sequence[ClippedSpan]
) -> tuple[Quantity, tuple[Opening, ...]]:
    """Unit-hours over the spans, and their opening states by subject and start; without one a span opens at
    0. `selected` are the events that count, those before the spans included. Raises `QuantityOverflow`.
    """
    parts, magnitude, openings = held(selected, spans)
    if level_hours_overflow(magnitude):
        raise QuantityOverflow("a time-weighted sum")
    return unit_hours(parts), openings


def held(selected: Iterable[Selected], spans: Sequence[ClippedSpan]) -> tuple[int, int, tuple[Opening, ...]]:
    """Atoms times microseconds, with signs and without, and the opening states."""
    stated: dict[Subject, list[Selected]] = {}
    for each in sorted(selected, key=lambda each: (each.event.time, each.event.position)):
        stated.setdefault(each.event.subject, []).append(each)
    parts = magnitude = 0
    openings = []
    for span in sorted(spans, key=lambda span: (span.subject, span.start)):
        mine = stated.get(span.subject, [])
        before = [each for each in mine if each.event.time < span.start]
        if before:
            openings.append(_opening(span, before[-1]))
        holding = [*before[-1:], *(each for each in mine if span.contains(each.event.time))]
        edges = [max(span.start, each.event.time) for each in holding] + [span.end]
        for each, (start, end) in zip(holding, pairwise(edges), strict=True):
            assert each.value is not None, "select gives a level its value"
            parts += each.value.atoms * (end - start)
            magnitude += abs(each.value.atoms) * (end - start)
    return parts, magnitude, tuple(openings)


def unit_hours(parts: int) -> Quantity:
    """Atoms times microseconds as unit-hours: the one division, and its rounding."""
    exact = Fraction(parts, PARTS_PER_UNIT_HOUR)
    return quantize(exact, FRACTION_DIGITS_MAX, Rounding.HALF_AWAY_FROM_ZERO)


def level_hours_overflow(magnitude: int) -> bool:
    """Whether atoms times microseconds, signs aside, come to 10^26 unit-hours."""
    return overflows(Quantity(magnitude // HOUR_MICROSECONDS))


def _opening(span: ClippedSpan, last: Selected) -> Opening:
    assert last.value is not None, "select gives a level its value"
    return Opening(span.subject, span.start, last.value, last.event.time, last.event.position)
