"""Half-open periods."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.instant import Instant
from tieout.kernel.period import EmptyPeriod, Period

EXAMPLES = settings(max_examples=200)
POINTS = st.integers(0, 20).map(Instant)
PERIODS = st.tuples(POINTS, POINTS).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: Period(*ends))


@pytest.mark.parametrize("end", [10, 9])
def test_a_period_cannot_be_empty(end: int) -> None:
    with pytest.raises(EmptyPeriod):
        Period(Instant(10), Instant(end))


def test_the_start_is_in_and_the_end_is_not() -> None:
    period = Period(Instant(10), Instant(20))
    assert [period.contains(Instant(point)) for point in (9, 10, 19, 20)] == [False, True, True, False]
    assert str(period) == "[1970-01-01T00:00:00.000010Z, 1970-01-01T00:00:00.000020Z)"


@EXAMPLES
@given(PERIODS, PERIODS)
def test_periods_overlap_where_some_instant_is_in_both(left: Period, right: Period) -> None:
    shared = any(left.contains(point) and right.contains(point) for point in map(Instant, range(21)))
    assert shared == left.overlaps(right) == right.overlaps(left)


@EXAMPLES
@given(PERIODS, st.lists(POINTS))
def test_pieces_tile_the_period(period: Period, cuts: list[Instant]) -> None:
    pieces = period.split(cuts)
    assert pieces[0].start == period.start and pieces[-1].end == period.end
    assert all(left.end == right.start for left, right in pairwise(pieces))
    assert {piece.start for piece in pieces[1:]} == {cut for cut in cuts if period.start < cut < period.end}
