"""Instants are whole microseconds since 1970 in UTC; periods are half-open pairs of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HOUR = 3600 * SECOND

Span = tuple[int, int]
"""Start and end; the end is no part of it."""


def instant(value: str | datetime) -> int:
    """From RFC 3339, or from what a TOML document holds."""
    moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    past = moment.astimezone(UTC) - EPOCH
    return (past.days * 86400 + past.seconds) * SECOND + past.microseconds


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def text(at: int) -> str:
    said = moment(at)
    fraction = f".{said.microsecond:06d}" if said.microsecond else ""
    return said.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def local_date(at: int, zone: str) -> date:
    return moment(at).astimezone(ZoneInfo(zone)).date()


def seconds(span: Span) -> int:
    return (span[1] - span[0]) // SECOND


def overlap(one: Span, other: Span) -> Span | None:
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None
