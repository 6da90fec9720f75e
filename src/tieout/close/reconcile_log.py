"""Received = dispositions: the first tie, of the log itself, per source, hour and batch (law L1).

It is of no one account: whoever was billed from a batch that does not tie was perhaps billed wrongly.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tieout.close.breaks import Break, BreakClass, Reach, events_size
from tieout.ingest.verdict import Verdict
from tieout.kernel.instant import Instant, format_instant

TIE_DISPOSITIONS = "received = dispositions"
ACTION = "run `tieout verify`: it names what is damaged; restore it from the backup, then close again"


class Difference(Protocol):
    """Items of one source, batch and verdict, as they were counted and as they are stored."""

    @property
    def source(self) -> str | None: ...
    @property
    def hour(self) -> Instant: ...
    @property
    def batch(self) -> int: ...
    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def received(self) -> int: ...
    @property
    def stored(self) -> int: ...


def disposition_breaks(found: Iterable[Difference]) -> list[Break]:
    """One break for each. Less stored than received is missing, more is there twice."""
    breaks = []
    for each in found:
        where = "all sources" if each.source is None else f"source {each.source}"
        what = "items" if each.verdict is None else each.verdict.name.lower()
        place = f"batch {each.batch}, hour {format_instant(each.hour)}, {where}"
        more = each.stored - each.received
        breaks.append(
            Break(
                TIE_DISPOSITIONS,
                f"{place}: {each.received} {what} received",
                f"{place}: {each.stored} {what} stored",
                ACTION,
                kind=BreakClass.MISSING if more < 0 else BreakClass.DUPLICATE,
                size=events_size(abs(more)),
                reach=Reach.CYCLE,
            )
        )
    return breaks
