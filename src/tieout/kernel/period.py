"""A period is half-open, `[start, end)`: its end starts the next, so that every instant is in exactly one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.kernel.errors import Refusal
from tieout.kernel.instant import Instant, format_instant


class EmptyPeriod(Refusal):
    """A period must end after it starts."""

    code = "empty-period"

    def __init__(self, start: Instant, end: Instant) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end

    def __str__(self) -> str:
        return f"A period from {format_instant(self.start)} cannot end at {format_instant(self.end)}."


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `start`, included, to `end`, not included. Raises `EmptyPeriod` unless start < end."""

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise EmptyPeriod(self.start, self.end)

    @property
    def last_instant(self) -> Instant:
        """The last one inside; instants are whole microseconds."""
        return Instant(self.end - 1)

    def contains(self, instant: Instant) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: Period) -> bool:
        return self.start < other.end and other.start < self.end

    def split(self, instants: Iterable[Instant]) -> list[Period]:
        """Pieces that tile this period, in order, cut at the instants that lie inside it."""
        start, end = self.start, self.end
        inside = {instant for instant in instants if start < instant < end}
        if not inside:
            return [self]
        cuts = sorted(inside)
        return [Period(start, end) for start, end in zip([start, *cuts], [*cuts, end], strict=True)]

    def __str__(self) -> str:
        return f"[{format_instant(self.start)}, {format_instant(self.end)})"
