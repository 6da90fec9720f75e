"""How far a test clock is moved."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.clock_step import MalformedStep, StepOutsideCalendar, day_of, parse_step
from tieout.kernel.instant import format_instant, from_datetime, parse_instant, to_datetime


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


@pytest.mark.parametrize("text", ["1mo", "99999mo", "99999d"])
def test_no_step_leaves_the_calendar(text: str) -> None:
    with pytest.raises(StepOutsideCalendar):
        parse_step(text).from_(parse_instant("9999-12-31T00:00:00Z"), anchor_day=31)


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
