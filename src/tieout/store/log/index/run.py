"""One sorted, immutable run of identities: who was accepted in a range of batches, where, and with what
content.

File: a 72-byte header with the SHA-256 of the rest, then column-wise first word, second word, position, two
content lanes (unsigned 64-bit, little-endian, sorted by the words of the key), then a Bloom filter that
spares most look-ups of unknown keys the search. The bytes depend on the batches only.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tieout.ingest.verdict import Known, UInt64s
from tieout.kernel.errors import IntegrityViolation
from tieout.store.files import write_durably
from tieout.store.log.encoding import KeyEntries

MAGIC: Final = b"TIEOUTR1"
_HEADER: Final = struct.Struct("<8sQQQQ32s")
_FILTER_BITS_PER_KEY: Final = 16
_FILTER_BYTES_MIN: Final = 8
_COLUMNS: Final = 5


class DamagedRun(IntegrityViolation):
    """An index file is not what was written; the index can be rebuilt from the log."""

    code = "damaged-index"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged; delete it, and the index is rebuilt from the log.")


@dataclass(frozen=True, slots=True)
class Run:
    """Identities of batches `first` to `last`. Shapes (n,), sorted by (high, low); `filter` is bytes of
    bits.
    """

    first: int
    last: int
    high: UInt64s
    low: UInt64s
    position: UInt64s
    lane_a: UInt64s
    lane_b: UInt64s
    filter: npt.NDArray[np.uint8]

    def find(self, keys: UInt64s, known: Known) -> None:
        """Fills in `known` for those of `keys` (n, 2) that this run holds."""
        if not len(self.high):
            return
        candidates = _may_hold(self.filter, keys)
        if not len(candidates):
            return
        high, low = keys[candidates, 0], keys[candidates, 1]
        places = np.searchsorted(self.high, high)
        while len(candidates):
            inside = places < len(self.high)
            candidates, high, low, places = candidates[inside], high[inside], low[inside], places[inside]
            equal_high = self.high[places] == high
            hit = equal_high & (self.low[places] == low)
            found, there = candidates[hit], places[hit]
            known.found[found] = True
            known.position[found] = self.position[there]
            known.lane_a[found] = self.lane_a[there]
            known.lane_b[found] = self.lane_b[there]
            again = equal_high & ~hit  # another key with the same first word: go on to the next entry
            candidates, high, low, places = candidates[again], high[again], low[again], places[again] + 1


class UnsortedRun:
    """One batch that no file holds yet. It is sorted only once a look-up passes its filter: most never
    does.
    """

    __slots__ = ("_filter", "_sorted", "batch", "entries")

    def __init__(self, batch: int, entries: KeyEntries) -> None:
        self.batch = batch
        self.entries = entries
        self._filter = _filter_of(entries.keys)
        self._sorted: Run | None = None

    def find(self, keys: UInt64s, known: Known) -> None:
        """Fills in `known` for those of `keys` (n, 2) that this batch accepted."""
        if self._sorted is None:
            if not len(_may_hold(self._filter, keys)):
                return
            self._sorted = run_of([(self.batch, self.entries)], first=self.batch, last=self.batch)
        self._sorted.find(keys, known)


def run_of(entries: list[tuple[int, KeyEntries]], *, first: int, last: int) -> Run:
    """A run of whole batches: (batch number, its entries)."""
    keys = np.concatenate([part.keys for _, part in entries] or [np.empty((0, 2), dtype=np.uint64)])
    lanes = np.concatenate([part.lanes for _, part in entries] or [np.empty((0, 2), dtype=np.uint64)])
    positions = [(np.uint64(batch) << np.uint64(32)) | part.rows.astype(np.uint64) for batch, part in entries]
    position = np.concatenate(positions or [np.empty(0, dtype=np.uint64)])
    return _sorted_run(first, last, keys[:, 0], keys[:, 1], position, lanes[:, 0], lanes[:, 1])


def merged(runs: list[Run]) -> Run:
    """One run over adjacent runs, given in order."""
    columns = [
        np.concatenate([getattr(run, name) for run in runs])
        for name in ("high", "low", "position", "lane_a", "lane_b")
    ]
    return _sorted_run(runs[0].first, runs[-1].last, *columns)


def write_run(run: Run, path: Path) -> None:
    """Durable before it returns; replaces an equal file."""
    columns = (run.high, run.low, run.position, run.lane_a, run.lane_b)
    parts = [np.ascontiguousarray(column, dtype="<u8").data.cast("B") for column in columns]
    parts.append(np.ascontiguousarray(run.filter).data)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    header = _HEADER.pack(MAGIC, run.first, run.last, len(run.high), len(run.filter), digest.digest())
    write_durably(path, b"".join([header, *parts]))


def is_as_written(path: Path) -> bool:
    """Whether the file's content still has the digest in its header; reads all of it."""
    content = path.read_bytes()
    if len(content) < _HEADER.size:
        return False
    digest: bytes = _HEADER.unpack(content[: _HEADER.size])[-1]
    return hashlib.sha256(content[_HEADER.size :]).digest() == digest


def open_run(path: Path) -> Run:
    """The run in a file, memory-mapped. Raises `DamagedRun`."""
    octets = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    if len(octets) < _HEADER.size:
        raise DamagedRun(path)
    magic, first, last, count, filter_bytes, _ = _HEADER.unpack(octets[: _HEADER.size].tobytes())
    if magic != MAGIC or len(octets) != _HEADER.size + _COLUMNS * 8 * count + filter_bytes:
        raise DamagedRun(path)
    columns = octets[_HEADER.size : _HEADER.size + _COLUMNS * 8 * count].view("<u8").reshape(_COLUMNS, count)
    return Run(first, last, *columns, filter=octets[_HEADER.size + _COLUMNS * 8 * count :])


def batches_of(path: Path) -> tuple[int, int]:
    """The first and last batch that a file says it holds. Raises `DamagedRun`."""
    run = open_run(path)
    return run.first, run.last


def _sorted_run(
    first: int, last: int, high: UInt64s, low: UInt64s, position: UInt64s, lane_a: UInt64s, lane_b: UInt64s
) -> Run:
    order = _sorting_order(high, low)
    keys = np.column_stack((high, low))
    return Run(
        first, last, high[order], low[order], position[order], lane_a[order], lane_b[order], _filter_of(keys)
    )


def _sorting_order(high: UInt64s, low: UInt64s) -> npt.NDArray[np.int64]:
    """By first word, then second. Equal first words are so rare that one quick sort almost always does."""
    order = np.argsort(high)
    ordered = high[order]
    if (ordered[1:] == ordered[:-1]).any():
        return np.lexsort((low, high))
    return order


def _filter_of(keys: UInt64s) -> npt.NDArray[np.uint8]:
    size = _FILTER_BYTES_MIN
    while size * 8 < len(keys) * _FILTER_BITS_PER_KEY:
        size *= 2
    bits = np.zeros(size * 8, dtype=np.uint8)
    for which in (0, 1):
        bits[_probe(keys, which, size * 8)] = 1
    return np.packbits(bits, bitorder="little")


def _may_hold(filter_bytes: npt.NDArray[np.uint8], keys: UInt64s) -> npt.NDArray[np.int64]:
    """Indices of the keys that the filter does not rule out; only where the first place is set the second is
    asked.
    """
    bits = len(filter_bytes) * 8
    first = _probe(keys, 0, bits)
    held = np.flatnonzero(_bits_at(filter_bytes, first))
    second = _probe(keys[held], 1, bits)
    return held[_bits_at(filter_bytes, second) != 0]


def _bits_at(filter_bytes: npt.NDArray[np.uint8], places: UInt64s) -> npt.NDArray[np.uint8]:
    return (filter_bytes[places >> np.uint64(3)] >> (places & np.uint64(7)).astype(np.uint8)) & np.uint8(1)


def _probe(keys: UInt64s, which: int, bits: int) -> UInt64s:
    """One of two places for each key; the words are already uniform, being a hash."""
    mask = np.uint64(bits - 1)
    return keys[:, 1] & mask if which == 0 else (keys[:, 1] >> np.uint64(32) ^ keys[:, 0]) & mask
