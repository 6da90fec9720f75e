"""How far a test clock is moved: by months of the calendar, or by days, hours and minutes. All of it in UTC.

Months clamp from an anchor day as billing periods do: from the 31st of January they lead to the 28th or 29th
of February, and from there to the 31st of March.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR
from typing import Final

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.instant import (
    DAY_MICROSECONDS,
    HOUR_MICROSECONDS,
    INSTANT_MAX,
    SECOND_MICROSECONDS,
    Instant,
    format_instant,
    from_datetime,
    to_datetime,
)

_STEP = re.compile(r"([1-9][0-9]{0,4})(mo|d|h|min)\Z", re.ASCII)
_MICROSECONDS: Final = {
    "d": DAY_MICROSECONDS,
    "h": HOUR_MICROSECONDS,
    "min": 60 * SECOND_MICROSECONDS,
}


class MalformedStep(Refusal):
    """The text says no way to go."""

    code = "malformed-step"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{shown(text)} is not a step such as 1mo, 10d, 12h or 30min (months, days, hours, minutes)."
        )


class StepOutsideCalendar(Refusal):
    """The step leads beyond the year 9999."""

    code = "step-outside-calendar"

    def __init__(self, now: Instant, step: ClockStep) -> None:
        super().__init__(f"{step.text} after {format_instant(now)} lies beyond the year {MAXYEAR}.")


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Exactly one of `months` and `microseconds` is above zero."""

    text: str
    months: int = 0
    microseconds: int = 0

    def __post_init__(self) -> None:
        assert min(self.months, self.microseconds) == 0 < max(self.months, self.microseconds), self.text

    def from_(self, now: Instant, *, anchor_day: int) -> Instant:
        """Where the clock stands after the step. Raises `StepOutsideCalendar`."""
        if not self.months:
            if now + self.microseconds > INSTANT_MAX:
                raise StepOutsideCalendar(now, self)
            return Instant(now + self.microseconds)
        moment = to_datetime(now)
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
        if year > MAXYEAR:
            raise StepOutsideCalendar(now, self)
        day = min(anchor_day, monthrange(year, month + 1)[1])
        return from_datetime(moment.replace(year=year, month=month + 1, day=day))


def parse_step(text: str) -> ClockStep:
    """Reads `1mo`, `10d`, `12h`, `30min`. Raises `MalformedStep`."""
    found = _STEP.match(text)
    if found is None:
        raise MalformedStep(text)
    count, unit = int(found.group(1)), found.group(2)
    return (
        ClockStep(text, months=count)
        if unit == "mo"
        else ClockStep(text, microseconds=count * _MICROSECONDS[unit])
    )


def day_of(instant: Instant) -> int:
    """The day of the month in UTC, from which steps by months clamp."""
    return to_datetime(instant).day


def anchored(to: Instant, anchor_day: int) -> int:
    """The day from which months clamp after a step to that instant: still `anchor_day`, where that leads to
    its day, as when a step by months was interrupted and goes on."""
    at = to_datetime(to)
    return anchor_day if at.day == min(anchor_day, monthrange(at.year, at.month)[1]) else at.day
