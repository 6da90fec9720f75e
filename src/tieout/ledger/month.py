"""An accounting period is a calendar month, written `2026-02`; their texts sort as they do."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.instant import Instant, from_datetime

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])\Z", re.ASCII)
YEAR_MIN = 1
YEAR_MAX = 9998
"""So that the month after every month can be written."""


class MalformedMonth(Refusal):
    """The text names no month."""

    code = "malformed-month"

    def __init__(self, text: str) -> None:
        super().__init__(f"{shown(text)} is not a month such as 2026-02.")


def parse_month(text: str) -> str:
    """The same text. Raises `MalformedMonth`."""
    found = _MONTH.match(text)
    if found is None or not YEAR_MIN <= int(found.group(1)) <= YEAR_MAX:
        raise MalformedMonth(text)
    return text


def month_of(day: date) -> str:
    """The month that the day lies in."""
    return f"{day.year:04d}-{day.month:02d}"


@lru_cache(maxsize=256)
def month_after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


@lru_cache(maxsize=256)
def start_of(month: str) -> Instant:
    """Its first instant, in UTC."""
    return from_datetime(datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC))


def end_of(month: str) -> Instant:
    """The first instant after it."""
    return start_of(month_after(month))


def booked_in(day: date, locked_until: str | None) -> str:
    """Where an entry is booked: the month of its effect, or, where that is locked, the first one that is
    open."""
    month = month_of(day)
    if locked_until is None or month > locked_until:
        return month
    return month_after(locked_until)
