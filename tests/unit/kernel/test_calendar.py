"""Periods that people can check on a calendar."""

from __future__ import annotations

from datetime import date

import pytest

from tests.stepped_periods import periods_between
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import (
    Anchor,
    DayOutsideCalendar,
    OutsideCalendar,
    boundary,
    local_date,
    local_midnight,
    period_at,
)
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.kernel.zone import UnknownZone, zone


def starts(anchor: Anchor, count: int) -> list[str]:
    place = zone(anchor.zone_name)
    return [local_date(boundary(anchor, step), place).isoformat() for step in range(count)]


def test_month_ends_clamp_from_the_original_day() -> None:
    anchor = Anchor(Cadence.MONTHLY, "UTC", date(2024, 1, 31))
    assert starts(anchor, 5) == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
    assert format_instant(boundary(anchor, -2)) == "2023-11-30T00:00:00Z"


def test_a_leap_day_falls_back_to_the_28th_and_returns() -> None:
    anchor = Anchor(Cadence.YEARLY, "UTC", date(2024, 2, 29))
    assert starts(anchor, 5) == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_quarters_and_weeks() -> None:
    assert starts(Anchor(Cadence.QUARTERLY, "Asia/Tokyo", date(2025, 11, 30)), 3) == [
        "2025-11-30", "2026-02-28", "2026-05-30",
    ]  # fmt: skip
    assert starts(Anchor(Cadence.WEEKLY, "UTC", date(2026, 12, 28)), 2) == ["2026-12-28", "2027-01-04"]


def test_a_day_that_never_was_is_no_period() -> None:
    anchor = Anchor(Cadence.DAILY, "Pacific/Apia", date(2011, 12, 28))
    assert boundary(anchor, 2) == boundary(anchor, 3)
    days = periods_between(anchor, boundary(anchor, 0), boundary(anchor, 5))
    assert [local_date(day.start, zone("Pacific/Apia")).day for day in days] == [28, 29, 31, 1]
    assert all(day.end - day.start == 24 * HOUR_MICROSECONDS for day in days)
    assert period_at(anchor, boundary(anchor, 2)) == days[2]


@pytest.mark.parametrize(
    ("zone_name", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23.0),
        ("America/New_York", date(2026, 11, 1), 25.0),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23.0),
        ("America/Sao_Paulo", date(2018, 2, 17), 25.0),
        ("America/Havana", date(2024, 11, 3), 25.0),
        ("Africa/Cairo", date(2024, 4, 26), 23.0),
        ("Asia/Kathmandu", date(1986, 1, 1), 23.75),
        ("UTC", date(2016, 12, 31), 24.0),
    ],
)
def test_days_are_as_long_as_the_clocks_make_them(zone_name: str, day: date, hours: float) -> None:
    anchor = Anchor(Cadence.DAILY, zone_name, day)
    assert boundary(anchor, 1) - boundary(anchor, 0) == hours * HOUR_MICROSECONDS


def test_a_midnight_in_a_gap_is_the_first_instant_after_it() -> None:
    # Sao Paulo went from 00:00 to 01:00; Monrovia, in 1972, from 00:00 to 00:44:30
    assert (
        format_instant(local_midnight(date(2018, 11, 4), zone("America/Sao_Paulo"))) == "2018-11-04T03:00:00Z"
    )
    assert format_instant(local_midnight(date(1972, 1, 7), zone("Africa/Monrovia"))) == "1972-01-07T00:44:30Z"
    # Toronto, in 1919, from 23:30 to 00:30: midnight lies inside the gap
    assert (
        format_instant(local_midnight(date(1919, 3, 31), zone("America/Toronto"))) == "1919-03-31T04:30:00Z"
    )


def test_of_two_midnights_the_first_counts() -> None:
    # Havana went from 01:00 back to 00:00
    assert format_instant(local_midnight(date(2024, 11, 3), zone("America/Havana"))) == "2024-11-03T04:00:00Z"


def test_periods_between_are_whole_and_none_if_there_is_no_time_between() -> None:
    anchor = Anchor(Cadence.MONTHLY, "UTC", date(2026, 1, 1))
    start, end = parse_instant("2026-01-31T00:00:00Z"), parse_instant("2026-02-01T00:00:00.000001Z")
    assert [format_instant(p.start) for p in periods_between(anchor, start, end)] == [
        "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z",
    ]  # fmt: skip
    assert len(periods_between(anchor, start, Instant(end - 1))) == 1
    assert periods_between(anchor, end, start) == periods_between(anchor, end, end) == []


def test_the_calendar_ends_somewhere() -> None:
    for step in (10**6, -(10**6), 10**18):
        with pytest.raises(OutsideCalendar):
            boundary(Anchor(Cadence.MONTHLY, "UTC", date(2026, 1, 1)), step)
        with pytest.raises(OutsideCalendar):
            boundary(Anchor(Cadence.DAILY, "UTC", date(2026, 1, 1)), step * 10)
    with pytest.raises(UnknownZone):
        boundary(Anchor(Cadence.DAILY, "Mars/Olympus", date(2026, 1, 1)), 0)


@pytest.mark.parametrize(
    ("instant", "place"),
    [("0001-01-01T00:00:00Z", "America/New_York"), ("9999-12-31T23:59:59Z", "Asia/Tokyo")],
)
def test_a_day_beyond_the_calendar_is_refused(instant: str, place: str) -> None:
    with pytest.raises(DayOutsideCalendar, match=place):
        local_date(parse_instant(instant), zone(place))
