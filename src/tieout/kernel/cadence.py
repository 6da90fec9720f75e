"""How often a period ends: every so many days, or every so many months of the calendar.

As text: daily, weekly, monthly, quarterly, half_yearly, yearly, or `every N days`, weeks, months or years.
Two texts of the same length are the same cadence: every 3 months is quarterly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.limits import CADENCE_DAYS_MAX, CADENCE_MONTHS_MAX

_EVERY = re.compile(r"every ([1-9][0-9]{0,3}) (day|week|month|year)s\Z", re.ASCII)


class MalformedCadence(Refusal):
    """The text is no cadence, or one of more days or months than the limits allow."""

    code = "malformed-cadence"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return (
            f"{shown(self.text)} is not one of {', '.join(NAMED)}, or every N days, weeks, months or years "
            f"(at most {CADENCE_DAYS_MAX} days or {CADENCE_MONTHS_MAX} months)."
        )


@dataclass(frozen=True, slots=True)
class Cadence:
    """Exactly one of `days` and `months` is above zero."""

    days: int = 0
    months: int = 0

    DAILY: ClassVar[Cadence]
    WEEKLY: ClassVar[Cadence]
    MONTHLY: ClassVar[Cadence]
    QUARTERLY: ClassVar[Cadence]
    HALF_YEARLY: ClassVar[Cadence]
    YEARLY: ClassVar[Cadence]

    def __post_init__(self) -> None:
        assert min(self.days, self.months) == 0 < max(self.days, self.months), (self.days, self.months)

    @property
    def value(self) -> str:
        """The shortest text that says it."""
        for name, cadence in NAMED.items():
            if cadence == self:
                return name
        if self.days:
            return f"every {self.days // 7} weeks" if self.days % 7 == 0 else f"every {self.days} days"
        return f"every {self.months // 12} years" if self.months % 12 == 0 else f"every {self.months} months"


Cadence.DAILY = Cadence(days=1)
Cadence.WEEKLY = Cadence(days=7)
Cadence.MONTHLY = Cadence(months=1)
Cadence.QUARTERLY = Cadence(months=3)
Cadence.HALF_YEARLY = Cadence(months=6)
Cadence.YEARLY = Cadence(months=12)

NAMED: Final = {
    "daily": Cadence.DAILY,
    "weekly": Cadence.WEEKLY,
    "monthly": Cadence.MONTHLY,
    "quarterly": Cadence.QUARTERLY,
    "half_yearly": Cadence.HALF_YEARLY,
    "yearly": Cadence.YEARLY,
}
_UNITS: Final = {
    "day": Cadence.DAILY,
    "week": Cadence.WEEKLY,
    "month": Cadence.MONTHLY,
    "year": Cadence.YEARLY,
}


def parse_cadence(text: str) -> Cadence:
    """Reads a cadence. Raises `MalformedCadence`."""
    named = NAMED.get(text)
    if named is not None:
        return named
    every = _EVERY.match(text)
    if every is None:
        raise MalformedCadence(text)
    count, unit = int(every.group(1)), _UNITS[every.group(2)]
    cadence = Cadence(days=unit.days * count, months=unit.months * count)
    if cadence.days > CADENCE_DAYS_MAX or cadence.months > CADENCE_MONTHS_MAX:
        raise MalformedCadence(text)
    return cadence
