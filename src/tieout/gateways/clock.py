"""The system's clock, and one that only moves when it is told to."""

from __future__ import annotations

import time

from tieout.kernel.instant import Instant


class SystemClock:
    """UTC microseconds from the operating system."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000)


class SteppedClock:
    """Stands still at an instant until `set_to` moves it: for the demo's past, and for tests."""

    __slots__ = ("_now",)

    def __init__(self, now: Instant) -> None:
        self._now = now

    def now(self) -> Instant:
        return self._now

    def set_to(self, instant: Instant) -> None:
        self._now = instant
