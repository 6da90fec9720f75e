"""How orderly the sources send: accepted events, and those older than one that was accepted before them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from tieout.flows.home import Home
from tieout.ports import Arrivals


@dataclass(frozen=True, slots=True)
class SourceArrivals:
    """All hours of one source, and their sums. Retractions are not among the accepted: they are no usage."""

    source: str
    accepted: int
    out_of_order: int
    hours: tuple[Arrivals, ...]


def arrivals(home: Home) -> tuple[SourceArrivals, ...]:
    """By source; empty for what was appended before this was counted."""
    found = []
    for source, rows in groupby(home.log.arrivals(), key=lambda row: row.source):
        hours = tuple(rows)
        found.append(
            SourceArrivals(
                source,
                sum(row.accepted for row in hours),
                sum(row.out_of_order for row in hours),
                hours,
            )
        )
    return tuple(found)
