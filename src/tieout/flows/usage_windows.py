"""Usage of the open period hour by hour or day by day, counted over the log in one question to the engine.

Days are those of the zone in which the period is dated; hours are counted from the start of the period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.close.calendar import CALENDAR_FIRST
from tieout.close.period_zone import zone_of
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.live_usage import asked_breakdown
from tieout.flows.read_log import read_log
from tieout.flows.standing_requests import OpenUsage
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable

WINDOWS_MAX = 10_000


class Window(StrEnum):
    HOUR = "hour"
    DAY = "day"


class TooManyWindows(Refusal):
    """A long period is not told hour by hour."""

    code = "too-many-windows"

    def __init__(self, count: int) -> None:
        super().__init__(f"That is {count:,} windows, {WINDOWS_MAX:,} are answered; ask by day.")


@dataclass(frozen=True, slots=True)
class WindowUsage:
    """What one meter counts in one window; an average, maximum or unique is the window's own."""

    window: Period
    snapshot: Snapshot | Unmeasurable


def usage_by_window(
    home: Home, plan: OpenUsage, window: Window, watermark: Watermark, *, group_by: tuple[str, ...] = ()
) -> list[WindowUsage]:
    """By request, then by time; windows in which nothing is counted are left out. Raises `TooManyWindows`."""
    catalog = load_catalog(home)
    asked: list[UsageRequest] = []
    for each in plan.wanted:
        whole = replace(each.request, breakdown=asked_breakdown(each, group_by))
        place = zone_of(catalog, plan.customer, _billed(plan, whole.period))
        asked += [_inside(whole, part) for part in _parts(whole.period, window, place)]
        if len(asked) > WINDOWS_MAX:
            raise TooManyWindows(len(asked))
    found = read_log(home, lambda manifest: home.engine.measure_each(asked, manifest), watermark=watermark)
    return [
        WindowUsage(request.period, one)
        for request, one in zip(asked, found, strict=True)
        if isinstance(one, Unmeasurable) or one.event_count or one.excluded_count or one.opening
    ]


def _billed(plan: OpenUsage, part: Period) -> Period:
    """The open period that a segment is of."""
    return next((each for each in plan.billed if each.start <= part.start and part.end <= each.end), part)


def _inside(request: UsageRequest, part: Period) -> UsageRequest:
    spans = tuple(
        ClippedSpan(span.subject, max(span.start, part.start), min(span.end, part.end))
        for span in request.spans
        if span.start < part.end and part.start < span.end
    )
    return replace(request, period=part, spans=spans)


def _parts(period: Period, window: Window, zone: str) -> Iterator[Period]:
    start = period.start
    anchor = Anchor(Cadence.DAILY, zone, CALENDAR_FIRST)
    while start < period.end:
        hour = Instant(start + HOUR_MICROSECONDS)
        end = min(hour if window is Window.HOUR else period_at(anchor, start).end, period.end)
        yield Period(start, end)
        start = end
