"""How long events took, as counts in log-scaled buckets: small, exact to add up, and near enough to read.

The rule: bucket 0 holds lags of zero and less (a sender's clock may run ahead); bucket k >= 1 holds the whole
microseconds from ceil(2^((k-1)/8)) to less than ceil(2^(k/8)). A percentile is told as the largest lag of the
bucket it falls in: never less than the exact one, and more by a factor below 2^(1/8), so by less than 9.1 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

STEPS_PER_DOUBLING: Final = 8
BUCKETS: Final = 59 * STEPS_PER_DOUBLING
"""Enough for the longest lag there can be: years 0001 to 9999 are less than 2^59 microseconds."""

EVENT_TO_RECEIVED: Final = "event-to-received"
"""From the time in the event to its arrival here, of accepted events."""
RECEIVED_TO_QUERYABLE: Final = "received-to-queryable"
"""From its arrival to the moment its batch was seen committed, of accepted events."""
QUERYABLE_TO_ACTED: Final = "queryable-to-acted"
"""From that moment to the action of a consumer, whose name follows after a colon."""


def _start(bucket: int) -> int:
    """The smallest lag of a bucket: ceil(2^((bucket-1)/8)), by whole numbers only."""
    power = 1 << (bucket - 1)
    root = isqrt(isqrt(isqrt(power)))
    return root if root**STEPS_PER_DOUBLING == power else root + 1


STARTS: Final = tuple(_start(bucket) for bucket in range(1, BUCKETS + 2))
"""The smallest lag of bucket 1, 2, ...; the last is where the last bucket ends. Of equal ones only the last
bucket holds anything."""
_STARTS = np.array(STARTS[:-1], dtype=np.int64)


def buckets_of(lags: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bucket of each lag, given in microseconds."""
    return np.searchsorted(_STARTS, lags, side="right").astype(np.int64)


def bucket_of(lag: int) -> int:
    """The bucket of one lag in microseconds."""
    return int(np.searchsorted(_STARTS, lag, side="right"))


def longest_of(bucket: int) -> int:
    """The largest lag of a bucket, in microseconds; 0 for bucket 0."""
    return STARTS[bucket] - 1 if bucket else 0


def percentile(counts: Mapping[int, int], percent: int) -> int | None:
    """The lag in microseconds that `percent` of the items do not exceed, as the rule above tells it.

    `counts`: items by bucket. By nearest rank: the smallest lag with at least percent/100 of all items at or
    below it. None where nothing was measured.
    """
    assert 0 < percent <= 100, percent
    items = sum(counts.values())
    if not items:
        return None
    rank = -(-items * percent // 100)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return longest_of(bucket)
    raise AssertionError("the counts add up to the items")


def acted_on_by(consumer: str) -> str:
    """The name under which the lag of one consumer is kept."""
    return f"{QUERYABLE_TO_ACTED}:{consumer}"
