"""Usage that is on no invoice: of nobody, or of a customer who pays no price for it. It is noted with every
close, so that it is never silent; the note holds nothing, since what is free or not sold yet looks the same
(`reconcile_unbilled`: what holds where the signed policy says so).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tieout.close.breaks import Break, BreakClass, Reach, events_size

TIE_BUCKETS = "accepted events = billed or told why not"


class Bucketed(Protocol):
    """A meter's events of the closed stretch of time that nobody is billed for."""

    @property
    def meter(self) -> str: ...
    @property
    def unmatched(self) -> int: ...
    @property
    def unpriced(self) -> int: ...


def bucket_breaks(rows: Iterable[Bucketed]) -> list[Break]:
    """At most two for each meter."""
    breaks = []
    for row in rows:
        for kind, count, (of_one, of_many), found, action in (
            (
                BreakClass.UNMATCHED,
                row.unmatched,
                ("has", "have"),
                "a subject of no customer",
                "give the subject to its customer, or retract the events; then close again",
            ),
            (
                BreakClass.UNPRICED,
                row.unpriced,
                ("is", "are"),
                "of customers who pay no price on this meter then",
                "add a price to their plan, or leave it: they use it for free",
            ),
        ):
            if count:
                expected = f"meter {row.meter}: every event on an invoice"
                size = events_size(count)
                said = f"meter {row.meter}: {size} {of_one if count == 1 else of_many} {found}"
                breaks.append(
                    Break(TIE_BUCKETS, expected, said, action, kind=kind, size=size, reach=Reach.NOTED)
                )
    return breaks
