"""Compact the log: what is due becomes sorted segments. Never needed for durability, only for size and
speed.
"""

from __future__ import annotations

from tieout.flows.home import Home
from tieout.ports import OrphanSearch


def compact_log(home: Home, *, rows_min: int | None = None) -> int:
    """How many segments were written. With `rows_min`, a smaller tail is compacted too. Another process that
    is at it already is left to it.
    """
    return home.log.maintain(rows_min=rows_min, orphans=OrphanSearch.IF_COMPACTED).compacted
