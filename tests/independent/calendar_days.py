"""The calendar of one account: where its periods begin, by looking at a wall clock in its zone.

Periods step from an anchor day. A month that lacks the day uses its last one, and the next month the day
again. A day begins at the first instant at which the wall clock shows it or a later one; so a midnight
that is skipped is the instant after the gap, one that comes twice is the first, and a day that never was
is no period, since it begins when the next one does.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.independent.instants import SECOND, Span, instant, moment

NAMED = {
    "daily": (1, 0),
    "weekly": (7, 0),
    "monthly": (0, 1),
    "quarterly": (0, 3),
    "half_yearly": (0, 6),
    "yearly": (0, 12),
}
"""Days and months of a step."""
EACH = {"days": (1, 0), "weeks": (7, 0), "months": (0, 1), "years": (0, 12)}
LOOK_SECONDS = 15 * 60
"""Wall clocks are looked at every quarter of an hour, then second by second where the day turned."""


def step_of(cadence: str) -> tuple[int, int]:
    if cadence in NAMED:
        return NAMED[cadence]
    _, count, unit = cadence.split()
    days, months = EACH[unit if unit.endswith("s") else unit + "s"]
    return days * int(count), months * int(count)


def nth_day(anchor: date, cadence: str, place: int) -> date:
    days, months = step_of(cadence)
    if days:
        return anchor + timedelta(days=days * place)
    whole = anchor.year * 12 + anchor.month - 1 + months * place
    year, month = divmod(whole, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


@cache
def day_begins(day: date, zone: str) -> int:
    """The first instant at which the wall clock of the zone shows that day or a later one."""
    midnight = instant(f"{day.isoformat()}T00:00:00Z")
    at = midnight - 30 * 3600 * SECOND
    while _wall_day(at, zone) < day:
        at += LOOK_SECONDS * SECOND
    at -= LOOK_SECONDS * SECOND
    while _wall_day(at, zone) < day:
        at += SECOND
    return at


def _wall_day(at: int, zone: str) -> date:
    return moment(at).astimezone(ZoneInfo(zone)).date()


def period_holding(at: int, *, anchor: date, cadence: str, zone: str) -> Span:
    """The period of the calendar in which an instant lies."""
    days, months = step_of(cadence)
    today = _wall_day(at, zone)
    if days:
        place = (today - anchor).days // days - 2
    else:
        place = ((today.year - anchor.year) * 12 + today.month - anchor.month) // months - 2
    while True:
        start = day_begins(nth_day(anchor, cadence, place), zone)
        end = day_begins(nth_day(anchor, cadence, place + 1), zone)
        if start <= at < end:
            return start, end
        assert start <= at, "the search began too late"
        place += 1
