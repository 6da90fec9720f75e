"""How far a test clock is moved: by months of the calendar, or by days, hours and minutes. All of it in UTC.

Months clamp from an anchor day as billing periods do: from the 31st of January they lead to the 28th or 29th
of February, and from there to the 31st of March.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tieout.kernel.errors import ConflictError, Refusal, shown
from tieout.kernel.instant import (
    DAY_MICROSECONDS,
    HOUR_MICROSECONDS,
    SECOND_MICROSECONDS,
    Instant,
    format_instant,
    from_datetime,
    to_datetime,
)

CLOCK_MAX: Final = from_datetime(datetime(9000, 1, 1, tzinfo=UTC))
"""No test clock stands later: a period that begins by then ends within the calendar, however long it is."""
STEP_MONTHS_MAX: Final = 1_200
"""In one step: far more than anybody tries, and far less than what a slip of a digit says."""
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
        said = f"{shown(text)} is not a step such as 1mo, 10d, 12h or 30min (months, days, hours, minutes)"
        back = "; a test clock never goes back: make another scratch home for that"
        super().__init__(f"{said}{back if text.lstrip().startswith('-') else ''}. The clock was not moved.")


class StepOutsideCalendar(Refusal):
    """The step leads to where no period may have an end."""

    code = "step-outside-calendar"

    def __init__(self, to: str) -> None:
        super().__init__(
            f"{to} lies beyond {format_instant(CLOCK_MAX)}, where test clocks end; nothing was done."
        )


class StepTooLong(Refusal):
    """The step goes further than anybody means."""

    code = "step-too-long"

    def __init__(self, now: Instant, to: Instant) -> None:
        super().__init__(
            f"From {format_instant(now)} to {format_instant(to)} is more than {STEP_MONTHS_MAX:,} months, "
            "the most in one step. The clock was not moved."
        )


class ClockGoesBack(ConflictError):
    """A test clock never goes back: what was recorded would lie in the future."""

    code = "clock-goes-back"

    def __init__(self, now: Instant, to: Instant) -> None:
        super().__init__(
            f"The test clock stands at {format_instant(now)} and never goes back to {format_instant(to)}; "
            "make another scratch home for that."
        )


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Exactly one of `months` and `microseconds` is above zero."""

    text: str
    months: int = 0
    microseconds: int = 0

    def __post_init__(self) -> None:
        assert min(self.months, self.microseconds) == 0 < max(self.months, self.microseconds), self.text

    def from_(self, now: Instant, *, anchor_day: int) -> Instant:
        """Where the clock stands after the step. Raises `StepOutsideCalendar` or `StepTooLong`."""
        if not self.months:
            to = Instant(now + self.microseconds)
            if to > CLOCK_MAX:
                raise StepOutsideCalendar(f"{self.text} after {format_instant(now)}")
            refuse_goal(now, to)
            return to
        moment = to_datetime(now)
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
        if year >= to_datetime(CLOCK_MAX).year:
            raise StepOutsideCalendar(f"{self.text} after {format_instant(now)}")
        to = from_datetime(_on_day(moment.replace(year=year, month=month + 1, day=1), anchor_day))
        refuse_goal(now, to)
        return to


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


def refuse_began(at: Instant) -> None:
    """Raises `StepOutsideCalendar` where no test clock may begin."""
    if at > CLOCK_MAX:
        raise StepOutsideCalendar(format_instant(at))


def refuse_goal(now: Instant, to: Instant) -> None:
    """Raises `ClockGoesBack`, `StepOutsideCalendar` or `StepTooLong` where no step may lead."""
    if to < now:
        raise ClockGoesBack(now, to)
    if to > CLOCK_MAX:
        raise StepOutsideCalendar(format_instant(to))
    moment = to_datetime(now)
    year = moment.year + STEP_MONTHS_MAX // 12
    if to > from_datetime(_on_day(moment.replace(year=year, day=1), 31)):
        raise StepTooLong(now, to)


def _on_day(moment: datetime, day: int) -> datetime:
    """That day of its month, or the last one."""
    return moment.replace(day=min(day, monthrange(moment.year, moment.month)[1]))


def day_of(instant: Instant) -> int:
    """The day of the month in UTC, from which steps by months clamp."""
    return to_datetime(instant).day


def anchored(to: Instant, anchor_day: int) -> int:
    """The day from which months clamp after a step to that instant: still `anchor_day`, where that leads to
    its day, as when a step by months was interrupted and goes on."""
    at = to_datetime(to)
    return anchor_day if at.day == min(anchor_day, monthrange(at.year, at.month)[1]) else at.day
