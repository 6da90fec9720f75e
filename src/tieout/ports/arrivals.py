"""In which order events came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Accepted events of one source in one hour received; `out_of_order` of them were older than one that was
    accepted from the source before.
    """

    source: str
    hour: Instant
    accepted: int
    out_of_order: int


class ArrivalLog(Protocol):
    """The log, asked how orderly its sources send."""

    def arrivals(self) -> tuple[Arrivals, ...]:
        """By source and hour. Batches that were appended before this was counted are not in it."""
        ...
