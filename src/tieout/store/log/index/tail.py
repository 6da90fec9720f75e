"""The newest identities, in memory until a run file holds them: a hash table for each run of level 0.

Thousands of tiny batches or a few large ones cost the same: each key has one slot, found by its second word.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tieout.ingest.verdict import Known, UInt64s
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.entries import Asked, Entries
from tieout.store.log.index.levels import Range
from tieout.table.position_words import position_words

_CAPACITY_MIN: Final = 1_024
_CAPACITY_FORESEEN_MAX: Final = 1 << 22
_SLOTS_PER_ENTRY: Final = 2


class Span:
    """The batches of one run of level 0, as far as they were learned. A full one never changes again."""

    def __init__(self, covered: Range) -> None:
        self.first, self.last = covered
        self.upto = self.first - 1
        self._count = 0
        self._capacity = 0
        self._grow(_CAPACITY_MIN)

    @property
    def is_full(self) -> bool:
        return self.upto == self.last

    def __len__(self) -> int:
        return self._count

    def learn(self, batch: int, keys: KeyEntries) -> None:
        """The next batch."""
        assert batch == self.upto + 1 and batch <= self.last, "batches are gapless"
        count = len(keys.rows)
        start, stop = self._count, self._count + count
        if stop > self._capacity:
            self._grow(max(2 * stop, self._foreseen(batch, count)))
        self._keys[start:stop] = keys.keys
        self._lanes[start:stop] = keys.lanes
        self._position[start:stop] = position_words(batch, keys.rows)
        self._place(start, stop)
        self._count = stop
        self.upto = batch

    def find(self, asked: Asked, known: Known) -> None:
        """Fills in `known` for those of `asked` that were learned."""
        if not self._count:
            return
        mask = np.uint64(len(self._slots) - 1)
        slot = asked.low & mask
        held = self._slots[slot]
        places = np.flatnonzero(held)
        slot, held = slot[places], held[places]
        while len(places):
            entry = held.astype(np.int64) - 1
            same = (self._keys[entry, 0] == asked.high[places]) & (self._keys[entry, 1] == asked.low[places])
            found, entry = asked.order[places[same]], entry[same]
            known.found[found] = True
            known.position[found] = self._position[entry]
            known.lane_a[found], known.lane_b[found] = self._lanes[entry, 0], self._lanes[entry, 1]
            places, slot = places[~same], (slot[~same] + np.uint64(1)) & mask
            held = self._slots[slot]
            going = held != 0
            places, slot, held = places[going], slot[going], held[going]

    def entries(self) -> Entries:
        stop = self._count
        return Entries(self._keys[:stop, 0], self._keys[:stop, 1], self._position[:stop], self._lanes[:stop])

    def _foreseen(self, batch: int, count: int) -> int:
        """Room for the batches that are still to come, if they are like this one; untouched, it costs
        nothing.
        """
        return min(self._count + count * (self.last - batch + 1), _CAPACITY_FORESEEN_MAX)

    def _grow(self, capacity: int) -> None:
        old = self.entries() if self._capacity else None
        self._capacity = capacity
        self._keys: UInt64s = np.empty((capacity, 2), dtype=np.uint64)
        self._lanes: UInt64s = np.empty((capacity, 2), dtype=np.uint64)
        self._position: UInt64s = np.empty(capacity, dtype=np.uint64)
        slots = 1 << (_SLOTS_PER_ENTRY * capacity - 1).bit_length()
        self._slots: npt.NDArray[np.uint32] = np.zeros(slots, dtype=np.uint32)
        if old is not None:
            stop = self._count
            self._keys[:stop, 0], self._keys[:stop, 1] = old.high, old.low
            self._lanes[:stop], self._position[:stop] = old.lanes, old.position
            self._place(0, stop)

    def _place(self, start: int, stop: int) -> None:
        """Gives each entry the first free slot from its own on. Of those that want one slot, the last gets
        it.
        """
        mask = np.uint64(len(self._slots) - 1)
        numbers = np.arange(start + 1, stop + 1, dtype=np.uint32)  # 0 is a free slot
        slot = self._keys[start:stop, 1] & mask
        while len(numbers):
            free = self._slots[slot] == 0
            self._slots[slot[free]] = numbers[free]
            waiting = self._slots[slot] != numbers
            numbers, slot = numbers[waiting], (slot[waiting] + np.uint64(1)) & mask
