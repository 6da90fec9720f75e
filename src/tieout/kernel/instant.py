"""An instant is a whole number of UTC microseconds since 1970; finer digits are floored.

Edge grammar: RFC 3339 with a mandatory offset (`Z` or `+hh:mm`). A time without one means nothing until
somebody names a zone, which only a source mapping does (`local_instant`). Leap seconds (`:60`) are refused as
impossible.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, NewType
from zoneinfo import ZoneInfo

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.limits import TIMESTAMP_LENGTH_MAX

Instant = NewType("Instant", int)

SECOND_MICROSECONDS: Final = 1_000_000
HOUR_MICROSECONDS: Final = 3_600 * SECOND_MICROSECONDS
DAY_MICROSECONDS: Final = 24 * HOUR_MICROSECONDS
INSTANT_MIN: Final = Instant(-62_135_596_800 * SECOND_MICROSECONDS)
"""0001-01-01T00:00:00Z"""
INSTANT_MAX: Final = Instant(253_402_300_800 * SECOND_MICROSECONDS - 1)
"""9999-12-31T23:59:59.999999Z"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?\Z",
    re.ASCII,
)

Malformation = Literal["no zone", "impossible", "malformed"]


class MalformedInstant(Refusal):
    """The text is no instant; `reason` says why."""

    code = "malformed-instant"

    def __init__(self, text: str, reason: Malformation) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        rule = {
            "no zone": "has no UTC offset: write Z or +hh:mm",
            "impossible": "is a date or time that does not exist",
            "malformed": "is not an RFC 3339 time such as 2026-01-31T09:30:00Z",
        }
        return f"{shown(self.text)} {rule[self.reason]}."


class NonexistentLocalTime(Refusal):
    """The zone's clocks skipped this local time."""

    code = "nonexistent-local-time"

    def __init__(self, text: str, zone_name: str) -> None:
        super().__init__(text, zone_name)
        self.text = text
        self.zone_name = zone_name

    def __str__(self) -> str:
        return f"{self.text} never was on the clocks of {self.zone_name}."


def hour_of(instant: Instant) -> Instant:
    """The first instant of the UTC hour that it lies in: what arrived is counted by it."""
    return Instant(instant // HOUR_MICROSECONDS * HOUR_MICROSECONDS)


def parse_instant(text: str) -> Instant:
    """Reads an RFC 3339 time with an offset, years 0001 to 9999 in UTC. Raises `MalformedInstant`."""
    match = _TIMESTAMP.match(text) if len(text) <= TIMESTAMP_LENGTH_MAX else None
    if match is None:
        raise MalformedInstant(text, "malformed")
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    if sign is None and text[-1] not in "Zz":
        raise MalformedInstant(text, "no zone")
    if hour > "23" or minute > "59" or second > "59":
        raise MalformedInstant(text, "impossible")
    offset_seconds = 0
    if sign is not None:
        if offset_hour > "23" or offset_minute > "59":
            raise MalformedInstant(text, "impossible")
        offset_seconds = int(sign + offset_hour) * 3600 + int(sign + offset_minute) * 60
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise MalformedInstant(text, "impossible") from None
    seconds = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second) - offset_seconds
    micros = seconds * SECOND_MICROSECONDS + int((fraction or "0")[:6].ljust(6, "0"))
    if not INSTANT_MIN <= micros <= INSTANT_MAX:
        raise MalformedInstant(text, "impossible")
    return Instant(micros)


@lru_cache(16_384)
def format_instant(instant: Instant) -> str:
    """RFC 3339 in UTC with `Z`; the fraction, six digits, is written only if it is not zero."""
    return to_datetime(instant).replace(tzinfo=None).isoformat() + "Z"


def to_datetime(instant: Instant) -> datetime:
    """The aware UTC datetime, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime. Raises `MalformedInstant` for a naive one."""
    if moment.tzinfo is None:
        raise MalformedInstant(moment.isoformat(), "no zone")
    return Instant((moment - _EPOCH) // _MICROSECOND)


def local_instant(naive: datetime, zone: ZoneInfo) -> Instant:
    """The instant at which `zone`'s clocks showed `naive`; of two, the first.

    Raises `NonexistentLocalTime` in a gap, `MalformedInstant` outside the years 0001 to 9999 in UTC.
    """
    assert naive.tzinfo is None, naive
    first, second = local_offsets(naive, zone)
    if second > first:
        raise NonexistentLocalTime(naive.isoformat(" "), zone.key)
    micros = (naive.replace(tzinfo=UTC) - _EPOCH - first) // _MICROSECOND
    if not INSTANT_MIN <= micros <= INSTANT_MAX:
        raise MalformedInstant(naive.isoformat(), "impossible")
    return Instant(micros)


def local_offsets(naive: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """UTC offsets under both readings of a local time (PEP 495).

    Equal normally; second < first where the local time happens twice; second > first where clocks skipped it.
    """
    first = zone.utcoffset(naive.replace(fold=0))
    second = zone.utcoffset(naive.replace(fold=1))
    assert first is not None and second is not None, zone.key
    return first, second
