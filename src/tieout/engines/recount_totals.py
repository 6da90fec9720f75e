"""Exact totals of many requests at once, in arrays of limbs: no request costs a step of Python each table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tieout.engines.recount_columns import LIMB_BITS, LIMB_MASK, Limbs, extreme_limbs
from tieout.engines.recount_windows import Rows

LIMBS_HELD = 4
"""Three of a decimal, and one for what is carried out of them."""

Held = list[npt.NDArray[np.int64]]


class Sums:
    """One exact sum for each request. Limbs are carried after each table: all but the highest stay below
    2^32, and a run of fewer than 2^26 rows fits beside that."""

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self._held: dict[int, Held] = {}

    def add(self, limbs: Limbs, rows: Rows) -> None:
        """`limbs`: those of the rows that count, in the order of `rows`."""
        lowest = limbs[0][1]
        if lowest not in self._held:
            self._held[lowest] = [np.zeros(self._requests, dtype=np.int64) for _ in range(LIMBS_HELD)]
        carried = np.zeros(rows.places.size, dtype=np.int64)
        for number, held in enumerate(self._held[lowest]):
            found = held[rows.places] + carried
            if number < len(limbs):
                found += np.add.reduceat(limbs[number][0], rows.starts)
            if number < LIMBS_HELD - 1:
                carried = found >> LIMB_BITS
                found &= LIMB_MASK
            held[rows.places] = found

    def totals(self) -> list[int]:
        """In the order of the requests, in atoms."""
        found = [0] * self._requests
        for lowest, held in self._held.items():
            added = _whole(held, lowest)
            found = [one + other for one, other in zip(found, added, strict=True)]
        return found


class Extremes:
    """The greatest or the least value of each request, compared limb by limb from the highest."""

    def __init__(self, requests: int, *, greatest: bool) -> None:
        self._requests = requests
        self._greatest = greatest
        self._held: dict[int, tuple[Held, npt.NDArray[np.bool_]]] = {}

    def add(self, limbs: Limbs, rows: Rows) -> None:
        lowest = limbs[0][1]
        if lowest not in self._held:
            zeros = [np.zeros(self._requests, dtype=np.int64) for _ in limbs]
            self._held[lowest] = zeros, np.zeros(self._requests, dtype=np.bool_)
        held, known = self._held[lowest]
        found = extreme_limbs(limbs, rows.order, rows.starts, greatest=self._greatest)
        level = known[rows.places]
        beats = ~level
        for mine, theirs in zip(reversed(held), reversed(found), strict=True):
            before = mine[rows.places]
            beats |= level & (theirs > before if self._greatest else theirs < before)
            level &= theirs == before
        places = rows.places[beats]
        for mine, theirs in zip(held, found, strict=True):
            mine[places] = theirs[beats]
        known[places] = True

    def found(self) -> list[int]:
        """In the order of the requests, in atoms; 0 where there was no value."""
        choose = max if self._greatest else min
        best: list[int | None] = [None] * self._requests
        for lowest, (held, known) in self._held.items():
            for place, (is_known, atoms) in enumerate(zip(known.tolist(), _whole(held, lowest), strict=True)):
                before = best[place]
                if is_known:
                    best[place] = atoms if before is None else choose(before, atoms)
        return [0 if each is None else each for each in best]


def _whole(held: Held, lowest: int) -> list[int]:
    total = [0] * held[0].size
    for limb in reversed(held):
        total = [(higher << LIMB_BITS) + each for higher, each in zip(total, limb.tolist(), strict=True)]
    return [each * lowest for each in total]
