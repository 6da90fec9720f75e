"""How far a test clock is moved."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.clock_step import (
    CLOCK_MAX,
    STEP_MONTHS_MAX,
    ClockGoesBack,
    MalformedStep,
    StepOutsideCalendar,
    StepTooLong,
    day_of,
    parse_step,
    refuse_began,
    refuse_goal,
)
from tieout.kernel.instant import (
    INSTANT_MAX,
    Instant,
    format_instant,
    from_datetime,
    parse_instant,
    to_datetime,
)
from tieout.kernel.limits import CADENCE_DAYS_MAX, CADENCE_MONTHS_MAX


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("1mo", "2024-02-29T10:00:00Z"),
        ("2mo", "2024-03-31T10:00:00Z"),
        ("13mo", "2025-02-28T10:00:00Z"),
        ("10d", "2024-02-10T10:00:00Z"),
        ("12h", "2024-01-31T22:00:00Z"),
        ("30min", "2024-01-31T10:30:00Z"),
    ],
)
def test_a_step_leads_where_its_text_says(text: str, after: str) -> None:
    now = parse_instant("2024-01-31T10:00:00Z")
    assert format_instant(parse_step(text).from_(now, anchor_day=31)) == after


@pytest.mark.parametrize(
    "text", ["", "mo", "0d", "-1d", "1.5h", "1 mo", "1m", "1y", "1MO", "١mo", "100000d", "1mo\n"]
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedStep):
        parse_step(text)


@pytest.mark.parametrize("text", ["1mo", "99999mo", "99999d", "1min"])
def test_no_step_leads_beyond_where_test_clocks_end(text: str) -> None:
    with pytest.raises(StepOutsideCalendar, match="9000-01-01T00:00:00Z, where test clocks end"):
        parse_step(text).from_(CLOCK_MAX, anchor_day=31)


@pytest.mark.parametrize("at", [Instant(CLOCK_MAX + 1), INSTANT_MAX])
def test_no_clock_begins_or_is_set_beyond_it(at: Instant) -> None:
    with pytest.raises(StepOutsideCalendar):
        refuse_began(at)
    with pytest.raises(StepOutsideCalendar):
        refuse_goal(parse_instant("8999-12-31T00:00:00Z"), at)
    refuse_began(CLOCK_MAX)


@pytest.mark.parametrize("cadence", [Cadence(months=CADENCE_MONTHS_MAX), Cadence(days=CADENCE_DAYS_MAX)])
def test_where_test_clocks_end_the_longest_periods_still_end_in_the_calendar(cadence: Cadence) -> None:
    anchor = Anchor(cadence, "Pacific/Kiritimati", datetime(2024, 1, 31, tzinfo=UTC).date())
    found = period_at(anchor, CLOCK_MAX)
    assert CLOCK_MAX < period_at(anchor, found.end).end < INSTANT_MAX


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2024-01-31T10:00:00Z", "2124-01-31T10:00:00Z"),
        ("2024-02-29T10:00:00Z", "2124-02-29T10:00:00Z"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
    ],
)
def test_a_step_may_go_a_hundred_years(now: str, last: str) -> None:
    assert STEP_MONTHS_MAX == 1_200
    refuse_goal(parse_instant(now), parse_instant(last))


def test_a_step_goes_no_further_than_anybody_means_and_never_back() -> None:
    now = parse_instant("2024-01-31T10:00:00Z")
    assert parse_step("1200mo").from_(now, anchor_day=31) == parse_instant("2124-01-31T10:00:00Z")
    for text in ("1201mo", "99999d"):
        with pytest.raises(StepTooLong, match=r"more than 1,200 months.*was not moved"):
            parse_step(text).from_(now, anchor_day=31)
    with pytest.raises(StepTooLong):
        refuse_goal(now, parse_instant("2124-02-01T00:00:00Z"))
    with pytest.raises(ClockGoesBack):
        refuse_goal(now, Instant(now - 1))
    with pytest.raises(MalformedStep, match="never goes back"):
        parse_step("-1mo")


@given(
    began=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    months=st.lists(st.integers(1, 30), min_size=1, max_size=12),
)
def test_months_in_many_steps_lead_where_one_step_does(began: datetime, months: list[int]) -> None:
    """31 -> 29 -> 31: the day of the anchor is never forgotten. The day is worked out here by counting."""
    start = from_datetime(began.replace(tzinfo=UTC))
    now = start
    for count in months:
        before, now = now, parse_step(f"{count}mo").from_(now, anchor_day=day_of(start))
        assert now > before
    assert now == parse_step(f"{sum(months)}mo").from_(start, anchor_day=day_of(start))
    counted = began.replace(day=1)
    for _ in range(sum(months)):
        counted = (counted + timedelta(days=32)).replace(day=1)
    day = min(began.day, monthrange(counted.year, counted.month)[1])
    assert to_datetime(now).replace(tzinfo=None) == counted.replace(day=day)
