"""Whether a source's acceptance or duplicate rate of one hour has shifted suddenly from the hours before it.

The rule, for whole numbers and by hand: in the hour a of n items, in the hours before b of m. It has shifted
when all of these hold:
- n and m are at least ITEMS_MIN;
- the two rates differ by at least a tenth: 10 * |a*m - b*n| >= n*m;
- chance does not explain it. With s = a + b and t = n + m, the square of the pooled two-proportion statistic
  z is (a*m - b*n)^2 * t / (n * m * s * (t - s)), and it is at least 25: five standard deviations.

The hours before are the last HOURS_BEFORE hours in which the source sent anything, at most DAYS_BACK days
back, so that a source that sends one file a day is compared with its last files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from tieout.ingest.rate import NOTHING, VerdictCounts
from tieout.kernel.canonical import token
from tieout.kernel.instant import DAY_MICROSECONDS, Instant

ITEMS_MIN: Final = 100
DIFFERENCE_MIN: Final = Fraction(1, 10)
Z_SQUARED_MIN: Final = 25
HOURS_BEFORE: Final = 24
DAYS_BACK: Final = 35
ID_DIGITS: Final = 16


class ShiftKind(StrEnum):
    """The rate that shifted."""

    ACCEPTANCE = "acceptance"
    DUPLICATES = "duplicates"


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` items."""

    part: int
    whole: int

    @property
    def rate(self) -> Fraction:
        return Fraction(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class Shift:
    """A rate that shifted: the hour, what it is compared with, and how far chance is from explaining it."""

    kind: ShiftKind
    source: str
    hour: Instant
    now: Share
    before: Share
    hours_before: int
    first_hour_before: Instant
    z_squared: Fraction

    @property
    def id(self) -> str:
        """The same for the same source, kind and hour, whoever finds it and whenever."""
        told = b"".join(token(part.encode()) for part in (self.kind, self.source, str(self.hour)))
        return f"al_{hashlib.sha256(told).hexdigest()[:ID_DIGITS]}"


def shifts(source: str, hour: Instant, by_hour: Mapping[Instant, VerdictCounts]) -> tuple[Shift, ...]:
    """The rates of `source` that shifted in `hour`. `by_hour`: its counts; hours not before `hour` are not
    looked at.
    """
    earliest = hour - DAYS_BACK * DAY_MICROSECONDS
    hours = sorted(other for other in by_hour if earliest <= other < hour and by_hour[other].received)
    compared = hours[-HOURS_BEFORE:]
    now = by_hour.get(hour, NOTHING)
    before = sum((by_hour[other] for other in compared), NOTHING)
    found = []
    for kind in ShiftKind:
        share, usual = _share(kind, now), _share(kind, before)
        z_squared = shift_of(share, usual)
        if z_squared is not None:
            found.append(Shift(kind, source, hour, share, usual, len(compared), compared[0], z_squared))
    return tuple(found)


def shift_of(now: Share, before: Share) -> Fraction | None:
    """The square of z where the rate has shifted, None where it has not."""
    if min(now.whole, before.whole) < ITEMS_MIN:
        return None
    if abs(now.rate - before.rate) < DIFFERENCE_MIN:
        return None
    part, whole = now.part + before.part, now.whole + before.whole
    distance = now.part * before.whole - before.part * now.whole
    z_squared = Fraction(distance**2 * whole, now.whole * before.whole * part * (whole - part))
    return z_squared if z_squared >= Z_SQUARED_MIN else None


def _share(kind: ShiftKind, counts: VerdictCounts) -> Share:
    match kind:
        case ShiftKind.ACCEPTANCE:
            return Share(counts.accepted, counts.received)
        case ShiftKind.DUPLICATES:
            return Share(counts.duplicate, counts.received)
