"""What became of each received item: the one decision of ingestion, made for a whole batch while the log is
locked.

First position wins. An identity that the log or an earlier row of the batch already holds is a duplicate
where the content is the same, and a conflict where it is not; never last-wins, and never by time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from tieout.table.position_words import position_words

UInt64s = npt.NDArray[np.uint64]


class Verdict(IntEnum):
    """Numbers are stored and enter batch digests: never reused."""

    ACCEPTED = 0
    DUPLICATE = 1
    CONFLICT = 2
    QUARANTINED = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What the log already holds for n identities: where `found`, the original's position and content lanes.

    Shapes: all (n,); `position` is batch << 32 | row.
    """

    found: npt.NDArray[np.bool_]
    position: UInt64s
    lane_a: UInt64s
    lane_b: UInt64s


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One verdict for each of n decoded rows; `original` is the position it repeats or contradicts.

    `original` is meaningful only where the verdict is not ACCEPTED. Shapes (n,).
    """

    verdict: npt.NDArray[np.uint8]
    original: UInt64s


def judge(
    *, keys: UInt64s, content: UInt64s, rows: npt.NDArray[np.int32], batch: int, known: Known
) -> Verdicts:
    """Verdicts for the decoded rows of one batch, given in ascending received row.

    keys (n, 2): identity keys as two words. content (n, 2): the first two lanes of the content digests.
    rows (n,): received row numbers. `batch`: the number that this batch will have.
    """
    first = _first_of_equal(keys)
    here = position_words(batch, rows)
    repeats = first != np.arange(len(first))
    seen = known.found | repeats
    original = np.where(known.found, known.position, here[first])
    original_a = np.where(known.found, known.lane_a, content[first, 0])
    original_b = np.where(known.found, known.lane_b, content[first, 1])
    same = (content[:, 0] == original_a) & (content[:, 1] == original_b)
    verdict = np.full(len(first), Verdict.ACCEPTED, dtype=np.uint8)
    verdict[seen & same] = Verdict.DUPLICATE
    verdict[seen & ~same] = Verdict.CONFLICT
    return Verdicts(verdict, original)


def _first_of_equal(keys: UInt64s) -> npt.NDArray[np.int64]:
    """For each row the index of the first row with the same key."""
    count = len(keys)
    order = np.lexsort((keys[:, 1], keys[:, 0])) if _may_repeat(keys) else None
    if order is None:
        return np.arange(count)
    ordered = keys[order]
    starts = np.ones(count, dtype=bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    group_start = np.maximum.accumulate(np.where(starts, np.arange(count), 0))
    first = np.empty(count, dtype=np.int64)
    first[order] = order[group_start]  # lexsort is stable: the first of a group is the earliest row
    return first


def _may_repeat(keys: UInt64s) -> bool:
    """Whether any first word occurs twice: a cheap sort that spares almost every batch the exact one."""
    words = np.sort(keys[:, 0])
    return bool((words[1:] == words[:-1]).any())
