"""Periods one after the other, each found as the product finds it: by an instant that it holds."""

from __future__ import annotations

from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


def periods_between(anchor: Anchor, start: Instant, end: Instant) -> list[Period]:
    """The whole periods that overlap `[start, end)`, in order."""
    periods: list[Period] = []
    while start < end:
        periods.append(period_at(anchor, start))
        start = periods[-1].end
    return periods
