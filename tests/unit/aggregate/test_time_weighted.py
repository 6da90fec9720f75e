"""Levels over time: what they come to depends neither on how a period is cut nor on the order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.aggregate.event import MeterEvent
from tieout.aggregate.select import Selected
from tieout.aggregate.time_weighted import meaning
from tieout.aggregate.window import ClippedSpan
from tieout.kernel.ids import EventType, Position, SourceName, Subject
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.quantity import Quantity

DISK = Subject("disk")
HALF_ATOM = Fraction(1, 2 * 10**12)


def hour(number: int) -> Instant:
    return Instant(number * HOUR_MICROSECONDS)


def said(level: str, time: Instant, row: int = 0, subject: Subject = DISK) -> Selected:
    event = MeterEvent(
        *(Position(1, row), SourceName("s"), str(row), EventType("volume"), subject, time, 1, 2, {})
    )
    return Selected(event, Quantity.parse(level), level)


def hours(events: Sequence[Selected], *spans: tuple[int, int]) -> Fraction:
    found, _ = meaning(events, [ClippedSpan(DISK, hour(start), hour(end)) for start, end in spans])
    return found.as_fraction()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "0"),
        ([said("3", hour(0))], "30"),
        ([said("3", hour(4))], "18"),
        ([said("3", hour(-100))], "30"),
        ([said("3", hour(10))], "0"),
        ([said("3", hour(-1)), said("5", hour(0), 1)], "50"),
        ([said("3", hour(0), 0), said("7", hour(0), 1)], "70"),
        ([said("3", hour(0), 1), said("7", hour(0), 0)], "30"),
        ([said("-2.5", hour(0)), said("0", hour(2), 1)], "-5"),
        ([said("1", hour(-5)), said("2", hour(-5), 1), said("4", hour(5), 2)], "30"),
    ],
)
def test_a_level_holds_from_its_time_until_the_next(events: list[Selected], expected: str) -> None:
    assert hours(events, (0, 10)) == Fraction(expected)


def test_levels_of_several_subjects_add_up_and_do_not_end_each_other() -> None:
    other = Subject("other")
    spans = [ClippedSpan(each, hour(0), hour(10)) for each in (DISK, other)]
    events = [said("3", hour(-1)), said("2", hour(5), 1, other)]
    quantity, opening = meaning(events, spans)
    assert str(quantity) == "40"
    assert [(each.subject, str(each.level), each.time) for each in opening] == [(DISK, "3", hour(-1))]


def test_a_third_of_an_hour_is_rounded_once_half_away_from_zero() -> None:
    third = Instant(HOUR_MICROSECONDS // 3)
    spans = [ClippedSpan(DISK, Instant(0), third)]
    assert str(meaning([said("1", Instant(0))], spans)[0]) == "0.333333333333"
    assert str(meaning([said("2", Instant(0))], spans)[0]) == "0.666666666667"
    assert str(meaning([said("-2", Instant(0))], spans)[0]) == "-0.666666666667"


EVENTS = st.lists(
    st.tuples(
        st.integers(-(10**30 - 1), 10**30 - 1),
        st.one_of(st.integers(-5, 25).map(hour), st.integers(0, 20 * HOUR_MICROSECONDS).map(Instant)),
    ),
    max_size=12,
).map(lambda told: [said(str(Quantity(atoms)), time, row) for row, (atoms, time) in enumerate(told)])


@given(EVENTS, st.sets(st.integers(1, 19), max_size=5))
def test_cutting_a_period_and_the_order_of_arrival_change_nothing_but_the_last_digit(
    events: list[Selected], cuts: set[int]
) -> None:
    edges = [0, *sorted(cuts), 20]
    parts = list(pairwise(edges))
    whole = hours(events, (0, 20))
    assert hours(events, *parts) == whole
    assert abs(sum(hours(events, part) for part in parts) - whole) <= HALF_ATOM * (len(parts) + 1)
    assert hours(events[::-1], (0, 20)) == whole
