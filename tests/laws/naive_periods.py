"""Billing periods worked out a second time, without a line of the product: days from the standard library,
boundaries by trying every quarter of an hour, and the changes by walking from one period to the next."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
"""Since 1972 the clocks of every zone are whole quarters of an hour from UTC."""


@dataclass(frozen=True)
class Terms:
    """In force from `since`. `cadence` is ("days" or "months", how many); `first` the customer's own day,
    `day` that of the calendar's months, None for the anniversary."""

    since: datetime
    zone: str
    cadence: tuple[str, int]
    first: date | None
    day: int | None


@dataclass(frozen=True)
class Asked:
    """The cadence that the plan asks for from `since`; None: that of the terms."""

    since: datetime
    cadence: tuple[str, int] | None


def naive_periods(
    terms: Sequence[Terms], asked: Sequence[Asked], start: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, datetime, datetime]]:
    """(start, end, start of the whole, end of the whole) of each period from the one that holds `start`."""
    changes = [each.since for each in (*terms[1:], *asked[1:])]
    moment = min([start, *changes])
    cadence = _cadence(terms[0], asked[0])
    moment, _ = _around(_day_of(terms[0], cadence, start), cadence, terms[0].zone, moment)
    while moment < until:
        held = [each for each in terms if each.since <= moment or each is terms[0]][-1]
        plan = [each for each in asked if each.since <= moment or each is asked[0]][-1]
        cadence = _cadence(held, plan)
        opening, closing = _around(_day_of(held, cadence, start), cadence, held.zone, moment)
        cuts = [
            each.since
            for each in asked[1:]
            if moment < each.since < closing and _cadence(held, each) != cadence
        ]
        end = min([closing, *cuts])
        if end > start:
            yield moment, end, opening, closing
        moment = end


def _cadence(terms: Terms, asked: Asked) -> tuple[str, int]:
    return asked.cadence or terms.cadence


def _day_of(terms: Terms, cadence: tuple[str, int], start: datetime) -> date:
    if terms.first is not None:
        return terms.first
    if terms.day is None:
        return start.astimezone(ZoneInfo(terms.zone)).date()
    return date(2024, 1, terms.day if cadence[0] == "months" else 1)


def _around(first: date, cadence: tuple[str, int], zone: str, moment: datetime) -> tuple[datetime, datetime]:
    """The last boundary at or before the moment, and the first one after it."""
    middle = moment.date()
    days = sorted(_days(first, cadence, middle))
    starts = [_start_of(day, zone) for day in days]
    return max(each for each in starts if each <= moment), min(each for each in starts if each > moment)


def _days(first: date, cadence: tuple[str, int], middle: date) -> Iterator[date]:
    """The first days of some periods before and after."""
    unit, count = cadence
    if unit == "days":
        nearest = (middle - first).days // count
        for step in range(nearest - 3, nearest + 5):
            yield first + timedelta(days=step * count)
        return
    for year in range(middle.year - count // 12 - 2, middle.year + count // 12 + 3):
        for month in range(1, 13):
            if ((year - first.year) * 12 + month - first.month) % count == 0:
                yield date(year, month, min(first.day, monthrange(year, month)[1]))


@cache
def _start_of(day: date, zone: str) -> datetime:
    """The first quarter of an hour whose page of the calendar on the wall is that day's, or a later one's."""
    place = ZoneInfo(zone)
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
    while moment.astimezone(place).date() < day:
        moment += QUARTER
    return moment
