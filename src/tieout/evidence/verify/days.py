"""Dates on a customer's calendar, without the rules of zones: a day on some clock of the world.

The verifier needs the standard library alone, which knows no zones for certain; what day it was in a named
zone is held to the days that it was anywhere.
"""

from __future__ import annotations

from datetime import timedelta

from tieout.kernel.instant import Instant, to_datetime

UTC = "UTC"
WEST, EAST = timedelta(hours=-12), timedelta(hours=14)
"""The clocks that are furthest behind and ahead."""


def days_of(at: Instant, zone_name: str) -> list[str]:
    """The dates that it can have been, in order: one in UTC, two or three elsewhere."""
    moment = to_datetime(at)
    first, last = (moment, moment) if zone_name == UTC else (moment + WEST, moment + EAST)
    count = (last.date() - first.date()).days + 1
    return [(first.date() + timedelta(days=number)).isoformat() for number in range(count)]


def days_after(at: Instant, zone_name: str, days: int) -> list[str]:
    """The dates so many days after these."""
    return days_of(Instant(at + days * 86_400_000_000), zone_name)
