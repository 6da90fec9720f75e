"""Which ranges of batches to merge next: eight of one tier become one, up to a named size. Pure.

A range that reaches `ROWS_SETTLED` is settled and never written again, so an event is written about once for
each tier, and the ranges of a log are few: those of lower tiers stand only at its end, or alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FAN_OUT: Final = 8
ROWS_SETTLED: Final = 1_048_576
ROWS_PER_MERGE_MAX: Final = 4_194_304
"""The most rows that a merge writes as one range, and so the longest range there is, but for one of a single
batch.
"""
TIERS: Final = (32_768, 262_144, ROWS_SETTLED)
"""Where each tier ends: a range of fewer rows is in the first whose end it does not reach."""
SETTLED: Final = len(TIERS)


@dataclass(frozen=True, slots=True)
class RangeOfBatches:
    """What was compacted or merged together: batches `first` to `last`, with `rows` accepted events."""

    first: int
    last: int
    rows: int


def tier_of(found: RangeOfBatches) -> int:
    return sum(found.rows >= end for end in TIERS)


def due_merge(ranges: Sequence[RangeOfBatches]) -> Sequence[RangeOfBatches]:
    """The adjacent ranges to merge next, oldest first; empty where none are due. `ranges` are all there are,
    in order.
    """
    for start, end in _unsettled(ranges):
        run = ranges[start:end]
        for tier in range(SETTLED):
            chosen = _eight_of(run, tier)
            if chosen:
                return chosen
        if end < len(ranges):  # a settled one follows, so nothing will ever join this run
            chosen = _fitting(run)
            if len(chosen) > 1:
                return chosen
    return ()


def _unsettled(ranges: Sequence[RangeOfBatches]) -> list[tuple[int, int]]:
    """The longest stretches without a settled range, as [start, end)."""
    stretches, start = [], 0
    for place, found in enumerate(ranges):
        if tier_of(found) == SETTLED:
            stretches.append((start, place))
            start = place + 1
    stretches.append((start, len(ranges)))
    return [(start, end) for start, end in stretches if end - start > 1]


def _eight_of(run: Sequence[RangeOfBatches], tier: int) -> Sequence[RangeOfBatches]:
    """The first eight ranges of a tier that no higher one separates, with the lower ones between them."""
    start = found = 0
    for place, each in enumerate(run):
        if tier_of(each) > tier:
            start, found = place + 1, 0
            continue
        found += tier_of(each) == tier
        if found == FAN_OUT:
            return _fitting(run[start : place + 1])
    return ()


def _fitting(run: Sequence[RangeOfBatches]) -> Sequence[RangeOfBatches]:
    """The first ranges, as many as one merge may write."""
    rows = 0
    for place, each in enumerate(run):
        rows += each.rows
        if rows > ROWS_PER_MERGE_MAX:
            return run[:place]
    return run
