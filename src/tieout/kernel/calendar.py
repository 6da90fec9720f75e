"""Billing periods: steps of a cadence from an anchor day, at local midnight in the customer's zone.

Steps clamp from the anchor's original day (31 -> 28 -> 31; Feb 29 -> 28). A midnight that clocks skipped is
the first instant after the gap; one that happened twice is the first. A day that never was (Apia, 2011-12-30)
is no period.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tieout.kernel.cadence import Cadence
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import (
    SECOND_MICROSECONDS,
    Instant,
    format_instant,
    from_datetime,
    local_offsets,
    to_datetime,
)
from tieout.kernel.period import Period
from tieout.kernel.zone import zone


class OutsideCalendar(Refusal):
    """The boundary asked for lies outside the years 0001 to 9999."""

    code = "outside-calendar"

    def __init__(self, anchor: Anchor, step: int) -> None:
        super().__init__(anchor, step)
        self.anchor = anchor
        self.step = step

    def __str__(self) -> str:
        return f"Step {self.step} {self.anchor.cadence.value} from {self.anchor.first} leaves the calendar."


class DayOutsideCalendar(Refusal):
    """The local day of that instant lies outside the years 0001 to 9999."""

    code = "outside-calendar"

    def __init__(self, instant: Instant, zone_name: str) -> None:
        super().__init__(f"{format_instant(instant)} is no day of the calendar in {zone_name}.")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Periods step by `cadence` from local midnight of `first` in the zone `zone_name`, both ways in time."""

    cadence: Cadence
    zone_name: str
    first: date


def boundary(anchor: Anchor, step: int) -> Instant:
    """Where period `step` starts and period `step - 1` ends; step 0 is the anchor day.

    Never decreases in `step`; equal for two steps only where a local day never was. Raises `OutsideCalendar`.
    """
    try:
        return local_midnight(_stepped(anchor, step), zone(anchor.zone_name))
    except (ValueError, OverflowError):
        raise OutsideCalendar(anchor, step) from None


PERIODS_REMEMBERED: Final = 4_096


@lru_cache(PERIODS_REMEMBERED)
def period_at(anchor: Anchor, instant: Instant) -> Period:
    """The one period that holds `instant`. Most customers share their anchors, so few are worked out."""
    step = _step_at(anchor, instant)
    return Period(boundary(anchor, step), boundary(anchor, step + 1))


def local_midnight(day: date, place: ZoneInfo) -> Instant:
    """The first instant of the local day: midnight, the first of two, or the end of the gap it fell in."""
    midnight = datetime.combine(day, time())
    first, second = local_offsets(midnight, place)
    after = from_datetime(midnight.replace(tzinfo=UTC) - first)
    if second <= first:
        return after
    # In a gap: clocks jumped over midnight between these two instants; transitions fall on whole seconds.
    before = from_datetime(midnight.replace(tzinfo=UTC) - second)
    while after - before > SECOND_MICROSECONDS:
        middle = Instant(before + (after - before) // SECOND_MICROSECONDS // 2 * SECOND_MICROSECONDS)
        if to_datetime(middle).astimezone(place).replace(tzinfo=None) >= midnight:
            after = middle
        else:
            before = middle
    return after


def local_date(instant: Instant, place: ZoneInfo) -> date:
    """What the calendar on the wall showed. Raises `DayOutsideCalendar`."""
    try:
        return to_datetime(instant).astimezone(place).date()
    except OverflowError:
        raise DayOutsideCalendar(instant, place.key) from None


def _stepped(anchor: Anchor, step: int) -> date:
    if anchor.cadence.days:
        return anchor.first + timedelta(days=step * anchor.cadence.days)
    months = anchor.first.year * 12 + anchor.first.month - 1 + step * anchor.cadence.months
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(anchor.first.day, monthrange(year, month)[1]))


def _step_at(anchor: Anchor, instant: Instant) -> int:
    """The step whose non-empty period holds `instant`: a guess from the wall calendar, then corrected."""
    day = local_date(instant, zone(anchor.zone_name))
    if anchor.cadence.days:
        step = (day - anchor.first).days // anchor.cadence.days
    else:
        months = (day.year - anchor.first.year) * 12 + day.month - anchor.first.month
        step = months // anchor.cadence.months
    while boundary(anchor, step) > instant:
        step -= 1
    while boundary(anchor, step + 1) <= instant:
        step += 1
    return step
