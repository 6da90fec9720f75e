"""Identities as columns, and the questions that are asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tieout.ingest.verdict import UInt64s
from tieout.store.log.encoding import KeyEntries
from tieout.table.position_words import position_words

KEY_BYTES = 16
_STRETCHES = 1 << 16
_PROBES = 3
_WORD_BITS_LOG2 = 6


@dataclass(frozen=True, slots=True)
class Entries:
    """Accepted identities: both words of the key, position (batch << 32 | row), content lanes (n, 2)."""

    high: UInt64s
    low: UInt64s
    position: UInt64s
    lanes: UInt64s

    def __len__(self) -> int:
        return len(self.high)

    def at(self, places: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Entries:
        return Entries(self.high[places], self.low[places], self.position[places], self.lanes[places])


NO_ENTRIES = Entries(*(np.empty(0, dtype=np.uint64) for _ in range(3)), np.empty((0, 2), dtype=np.uint64))


def entries_of(batch: int, keys: KeyEntries) -> Entries:
    position = position_words(batch, keys.rows)
    return Entries(keys.keys[:, 0], keys.keys[:, 1], position, keys.lanes)


def joined(parts: list[Entries]) -> Entries:
    if len(parts) == 1:
        return parts[0]
    whole = [NO_ENTRIES, *parts]
    columns = ("high", "low", "position", "lanes")
    return Entries(*(np.concatenate([getattr(part, name) for part in whole]) for name in columns))


def in_key_order(entries: Entries) -> Entries:
    """Sorted by first word, then second. Equal first words are so rare that one quick sort almost always
    does.
    """
    order = np.argsort(entries.high)
    ordered = entries.high[order]
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort((entries.low, entries.high))
    return entries.at(order)


def key_stretches(count: int, *, at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges of the first 16 bits of keys that hold about `at_once` of `count` keys each: they are hashes."""
    pieces = min(_STRETCHES, -(-count // at_once) or 1)
    yield from pairwise(_STRETCHES * piece // pieces for piece in range(pieces + 1))


def key_octets(high: UInt64s, low: UInt64s) -> npt.NDArray[np.uint8]:
    """(n, 16): the keys as octets whose order is that of the keys."""
    words = np.empty((len(high), 2), dtype=">u8")
    words[:, 0], words[:, 1] = high, low
    return words.view(np.uint8).reshape(len(high), KEY_BYTES)


class Asked:
    """Keys that are looked up, in key order, so that memory is walked through in one direction.

    `order` gives each one's place in the question; `bits` has the bits that a filter's word must have set.
    """

    def __init__(self, keys: UInt64s) -> None:
        self.order = np.argsort(keys[:, 0])
        self.high = keys[self.order, 0]
        self.low = keys[self.order, 1]

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def top(self) -> UInt64s:
        """The first 32 bits of each key."""
        return self.high >> np.uint64(32)

    @cached_property
    def bits(self) -> UInt64s:
        return filter_bits(self.low)


def filter_bits(low: UInt64s) -> UInt64s:
    """A word with up to three bits set, chosen by the key's second word: a hash, so uniform."""
    bits = np.zeros(len(low), dtype=np.uint64)
    for probe in range(_PROBES):
        bits |= np.uint64(1) << ((low >> np.uint64(probe * _WORD_BITS_LOG2)) & np.uint64(63))
    return bits


def filter_places(top: UInt64s, words: int) -> npt.NDArray[np.int64]:
    """Which of a filter's words is a key's, by its first 32 bits: keys in order have words in order."""
    return ((top * np.uint64(words)) >> np.uint64(32)).astype(np.int64)
