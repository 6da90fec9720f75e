"""L7: periods tile time, without gap or overlap, in every zone of the pinned tzdata, from 1970 to 2100."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.stepped_periods import periods_between
from tieout.kernel.cadence import NAMED, Cadence
from tieout.kernel.calendar import Anchor, boundary, local_midnight, period_at
from tieout.kernel.instant import DAY_MICROSECONDS, HOUR_MICROSECONDS, Instant, from_datetime, to_datetime
from tieout.kernel.zone import zone, zone_names

CALENDAR_DAYS = 600 * 366
"""A boundary this far from any anchor is still in the calendar."""

EXAMPLES = settings(max_examples=400)

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

INSTANTS = st.integers(from_datetime(FIRST), from_datetime(LAST)).map(Instant)
ANCHOR_DAYS = st.one_of(
    st.dates(date(1970, 1, 1), date(2099, 12, 31)),
    st.sampled_from([date(2024, 2, 29), date(2026, 1, 31), date(2025, 8, 30), date(2011, 12, 30)]),
)
CADENCES = st.one_of(
    st.sampled_from(list(NAMED.values())),
    st.builds(Cadence, days=st.integers(1, 400)),
    st.builds(Cadence, months=st.integers(1, 60)),
)
ANCHORS = st.builds(Anchor, CADENCES, st.sampled_from(sorted(zone_names())), ANCHOR_DAYS)
APIA_DAILY = Anchor(Cadence.DAILY, "Pacific/Apia", date(2011, 12, 30))
LORD_HOWE_MONTHLY = Anchor(Cadence.MONTHLY, "Australia/Lord_Howe", date(2026, 1, 31))


@EXAMPLES
@given(ANCHORS, INSTANTS)
@example(APIA_DAILY, from_datetime(datetime(2011, 12, 30, 10, tzinfo=UTC)))
@example(LORD_HOWE_MONTHLY, from_datetime(datetime(2026, 10, 3, 15, 30, tzinfo=UTC)))
def test_every_instant_is_in_exactly_one_period(anchor: Anchor, instant: Instant) -> None:
    period = period_at(anchor, instant)
    assert period.contains(instant)
    assert period_at(anchor, period.start) == period == period_at(anchor, Instant(period.end - 1))
    assert period_at(anchor, period.end).start == period.end
    assert period_at(anchor, Instant(period.start - 1)).end == period.start


@EXAMPLES
@given(ANCHORS, INSTANTS, st.integers(0, 400 * DAY_MICROSECONDS))
@example(APIA_DAILY, from_datetime(datetime(2011, 12, 25, tzinfo=UTC)), 30 * DAY_MICROSECONDS)
def test_periods_between_tile_what_they_cover(anchor: Anchor, start: Instant, length_us: int) -> None:
    end = Instant(start + length_us)
    periods = periods_between(anchor, start, end)
    if start == end:
        assert periods == []
        return
    assert periods[0].contains(start) and periods[-1].contains(Instant(end - 1))
    assert all(left.end == right.start for left, right in pairwise(periods))


@EXAMPLES
@given(ANCHORS, st.integers(-500, 500))
def test_boundaries_never_go_back(anchor: Anchor, step: int) -> None:
    assume(abs(step) * (anchor.cadence.days + 31 * anchor.cadence.months) < CALENDAR_DAYS)
    assert boundary(anchor, step) <= boundary(anchor, step + 1)


def test_every_local_day_near_a_clock_change_starts_when_its_calendar_page_is_turned() -> None:
    """In every zone: no earlier instant showed that day or a later one, and the instant itself does."""
    days = 0
    for place in _distinct_zones():
        for day in _days_near_clock_changes(place):
            start = local_midnight(day, place)
            assert _shows(start, place) >= day, (place.key, day)
            assert all(_shows(Instant(start - before), place) < day for before in _EARLIER_US), (
                place.key,
                day,
            )
            days += 1
    assert days > 40_000


_EARLIER_US = (1, HOUR_MICROSECONDS, DAY_MICROSECONDS // 2)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def _shows(instant: Instant, place: ZoneInfo) -> date:
    return to_datetime(instant).astimezone(place).date()


def _distinct_zones() -> Iterator[ZoneInfo]:
    """One zone of each content; the others are links to it."""
    seen: set[bytes] = set()
    for name in sorted(zone_names()):
        content = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        if content not in seen:
            seen.add(content)
            yield zone(name)


def _days_near_clock_changes(place: ZoneInfo) -> Iterator[date]:
    """The days around each change of the UTC offset from 1970 to 2040; later years repeat those rules."""
    moment, offset = FIRST, FIRST.astimezone(place).utcoffset()
    while moment.year < 2040:
        moment += _WEEK
        before, offset = offset, moment.astimezone(place).utcoffset()
        if offset != before:
            changed = moment
            while (changed - _DAY).astimezone(place).utcoffset() == offset:
                changed -= _DAY
            yield from ((changed + _DAY * ahead).date() for ahead in range(-2, 2))
