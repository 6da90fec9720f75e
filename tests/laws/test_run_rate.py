"""The run rate, counted a second time in plain fractions: what adds up grows with the time, group by group,
and no event is lost between groups."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests import prices as any_
from tests.records import JANUARY
from tests.usage import Used, snapshot_of
from tieout.aggregate.breakdown import Breakdown
from tieout.close.run_rate import at_its_end, growth_to_end
from tieout.contract.meter import Aggregation
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant

SECONDS = (JANUARY.end - JANUARY.start) // SECOND_MICROSECONDS
elapsed = st.integers(1, SECONDS - 1)


def after(seconds: int) -> Instant:
    return Instant(JANUARY.start + seconds * SECOND_MICROSECONDS)


@given(any_.events(max_size=8), elapsed, st.booleans())
def test_usage_grows_with_the_time_and_its_groups_stay_its_whole(
    events: list[Used], seconds: int, by_value: bool
) -> None:
    found = snapshot_of(events, Breakdown(by_value=by_value))
    grown = at_its_end(found, Aggregation.SUM, now=after(seconds))
    factor = Fraction(SECONDS, seconds)
    assert abs(grown.event_count - found.event_count * factor) <= Fraction(1, 2)
    assert grown.event_count >= found.event_count
    if grown.groups:
        assert sum(group.event_count for group in grown.groups) == grown.event_count
        assert sum(group.quantity.as_fraction() for group in grown.groups) == grown.quantity.as_fraction()
        for group in grown.groups:
            before = next(each for each in found.groups if each.order == group.order)
            assert abs(group.event_count - before.event_count * factor) < 2
    else:
        exact = found.quantity.as_fraction() * factor
        assert abs(grown.quantity.as_fraction() - exact) <= Fraction(1, 2 * 10**12)


@given(any_.events(max_size=4), elapsed)
def test_what_does_not_add_up_has_no_rate(events: list[Used], seconds: int) -> None:
    found = snapshot_of(events, Breakdown())
    for aggregation in Aggregation:
        if not aggregation.additive:
            assert at_its_end(found, aggregation, now=after(seconds)) == found


def test_outside_a_part_there_is_no_rate() -> None:
    for now in (JANUARY.start, Instant(JANUARY.start + 1), JANUARY.end, Instant(JANUARY.end + 5)):
        assert growth_to_end(JANUARY, now=now) is None


@given(any_.events(max_size=4))
def test_half_a_month_is_doubled(events: list[Used]) -> None:
    found = replace(snapshot_of(events, Breakdown()), period=JANUARY)
    grown = at_its_end(found, Aggregation.SUM, now=after(SECONDS // 2))
    assert grown.quantity.atoms == 2 * found.quantity.atoms
    assert grown.event_count == 2 * found.event_count
