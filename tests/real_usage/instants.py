"""Instants as whole microseconds of UTC, months in a time zone, and their texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HOUR = 3_600 * SECOND


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def at(text: str) -> int:
    """Of `2023-11-16T18:00:00Z`, or with an offset."""
    return micros(datetime.fromisoformat(text.replace("Z", "+00:00")))


def text(instant: int) -> str:
    return (EPOCH + timedelta(microseconds=instant)).replace(tzinfo=None).isoformat() + "Z"


def local(year: int, month: int, day: int, zone: str) -> int:
    """Local midnight."""
    return micros(datetime(year, month, day, tzinfo=ZoneInfo(zone)))


def month_of(instant: int, zone: str) -> tuple[int, int]:
    """The local month that holds the instant, from its first to the next one's first local midnight."""
    here = (EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))
    after = (here.year + here.month // 12, here.month % 12 + 1)
    return local(here.year, here.month, 1, zone), local(*after, 1, zone)
