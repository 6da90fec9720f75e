"""One sorted, immutable run of identities: who was accepted in a range of batches, where, and with what
content.

File: a header, then four sections. The filter: one 64-bit word for every eight keys or so, which spares
most look-ups of unknown keys the search. The directory: where the keys with each prefix begin. The tags: the
two octets of each key after the prefix. The records: what remains of the key, position, content. So no octet
of a key is stored twice, and a position takes as few octets as the run needs. The header has a SHA-256 of
each section and one of itself: opening reads the header only. The bytes depend on the batches only.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tieout.ingest.verdict import Known, UInt64s
from tieout.kernel.errors import IntegrityViolation
from tieout.store.log.index.entries import KEY_BYTES, Asked, Entries, filter_places, key_octets
from tieout.store.log.index.levels import range_of

MAGIC: Final = b"TIEOUTR2"
OUTDATED: Final = b"TIEOUTR1"
"""Runs of eight batches, column by column: they are not read any more, but rebuilt."""
_HEADER: Final = struct.Struct("<8s3QBB6x32s32s32s32s")
_CHECK_BYTES: Final = 32
HEADER_BYTES: Final = _HEADER.size + _CHECK_BYTES
TAG_BYTES: Final = 2
_LANES_BYTES: Final = 16
_FILTER_BITS_PER_KEY: Final = 8
_SHORT_RUN: Final = 1 << 20
_DIRECTORY_BYTES: Final = 4
_PREFIX_BYTES_MAX: Final = 3
_READ_BYTES: Final = 16 << 20
_ONE_BY_ONE_MAX: Final = 8
"""Searches that are done sooner one by one than all in step."""
_FAULTS_MAX: Final = 256
"""Records looked at before their pages are given back: each may have brought sixteen pages into memory."""


class DamagedRun(IntegrityViolation):
    """An index file is not what was written; the index can be rebuilt from the log."""

    code = "damaged-index"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged; `tieout index rebuild` writes it again from the log.")


class OutdatedRun(Exception):
    """A file of an earlier format: it is rebuilt, as if it were not there."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the layout of a run follows from: its batches, how many entries, how many octets a row takes."""

    first: int
    last: int
    count: int
    row_bytes: int

    @property
    def batch_bytes(self) -> int:
        """Octets of a batch number, counted from `first`."""
        return octets_of(self.last - self.first)

    @property
    def prefix_bytes(self) -> int:
        """Octets of a key that the directory stands for: one more once that saves more than it takes."""
        prefix = 0
        while prefix < _PREFIX_BYTES_MAX and self.count >= _DIRECTORY_BYTES * 256 ** (prefix + 1):
            prefix += 1
        return prefix

    @property
    def filter_words(self) -> int:
        """Short runs have twice the bits: there may be dozens, and together they take no room."""
        bits = _FILTER_BITS_PER_KEY * (2 if self.count < _SHORT_RUN else 1)
        return -(-self.count * bits // 64)

    @property
    def key_bytes(self) -> int:
        """Octets of a key in its record."""
        return KEY_BYTES - self.prefix_bytes - TAG_BYTES

    @property
    def record_bytes(self) -> int:
        return self.key_bytes + self.batch_bytes + self.row_bytes + _LANES_BYTES

    @property
    def section_bytes(self) -> tuple[int, int, int, int]:
        """Filter, directory, tags, records."""
        directory = _DIRECTORY_BYTES * (256**self.prefix_bytes + 1)
        return 8 * self.filter_words, directory, TAG_BYTES * self.count, self.record_bytes * self.count

    @property
    def section_starts(self) -> tuple[int, int, int, int]:
        starts = [HEADER_BYTES]
        for length in self.section_bytes[:-1]:
            starts.append(starts[-1] + length)
        return starts[0], starts[1], starts[2], starts[3]

    @property
    def file_bytes(self) -> int:
        return HEADER_BYTES + sum(self.section_bytes)


def octets_of(number: int) -> int:
    """How many octets hold `number`; at least one."""
    return max(1, -(-number.bit_length() // 8))


def encode_header(shape: Shape, digests: tuple[bytes, bytes, bytes, bytes]) -> bytes:
    header = _HEADER.pack(MAGIC, shape.first, shape.last, shape.count, shape.row_bytes, 0, *digests)
    return header + hashlib.sha256(header).digest()


def decode_header(octets: bytes, path: Path) -> tuple[Shape, tuple[bytes, ...]]:
    """The shape, and the digests of the sections. Raises `DamagedRun` or `OutdatedRun`."""
    if octets[: len(OUTDATED)] == OUTDATED:
        raise OutdatedRun(path)
    header, check = octets[: _HEADER.size], octets[_HEADER.size : HEADER_BYTES]
    if len(octets) < HEADER_BYTES or hashlib.sha256(header).digest() != check:
        raise DamagedRun(path)
    magic, first, last, count, row_bytes, _, *digests = _HEADER.unpack(header)
    shape = Shape(first, last, count, row_bytes)
    if magic != MAGIC or (first, last) != range_of(path) or path.stat().st_size != shape.file_bytes:
        raise DamagedRun(path)
    return shape, tuple(digests)


class Run:
    """A run file, memory-mapped. Raises `DamagedRun` or `OutdatedRun`; reads no more than the header."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.shape, self.digests = decode_header(file.read(HEADER_BYTES), path)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        shape = self.shape
        filter_start, directory, tags, self._records_start = shape.section_starts
        self._filter: UInt64s = self._column("<u8", shape.filter_words, filter_start)
        self._directory: npt.NDArray[np.uint32] = self._column("<u4", 256**shape.prefix_bytes + 1, directory)
        self._tags: npt.NDArray[np.uint16] = self._column("<u2", shape.count, tags)
        records = self._column("u1", shape.record_bytes * shape.count, self._records_start)
        self._records = records.reshape(shape.count, shape.record_bytes)
        self._faults = 0

    @property
    def first(self) -> int:
        return self.shape.first

    @property
    def last(self) -> int:
        return self.shape.last

    @property
    def range(self) -> tuple[int, int]:
        return self.shape.first, self.shape.last

    def __len__(self) -> int:
        return self.shape.count

    def read_ahead(self) -> None:
        """Asks the system to fetch what every look-up needs; returns at once."""
        length = sum(self.shape.section_bytes[:2]) + HEADER_BYTES
        self._map.madvise(mmap.MADV_WILLNEED, 0, length)

    def find(self, asked: Asked, known: Known) -> None:
        """Fills in `known` for those of `asked` that this run holds. May raise `DamagedRun`."""
        if not len(self):
            return
        words = self._filter[filter_places(asked.top, len(self._filter))]
        candidates = np.flatnonzero((words & asked.bits) == asked.bits)
        if not len(candidates):
            return
        high, low = asked.high[candidates], asked.low[candidates]
        prefixes = self._prefixes(high)
        start = self._directory[prefixes].astype(np.int64)
        end = self._directory[prefixes + 1].astype(np.int64)
        if int(end.max()) > len(self) or (start > end).any():
            raise DamagedRun(self.path)
        tags = self._tags_of(high)
        places = self._first_not_below(start, end, tags)
        octets = key_octets(high, low)[:, KEY_BYTES - self.shape.key_bytes :]
        while True:
            left = places < end
            left[left] = self._tags[places[left]] == tags[left]
            if not left.any():
                break
            candidates, places, end = candidates[left], places[left], end[left]
            tags, octets = tags[left], octets[left]
            records = self._records_at(places)
            hit = (records[:, : self.shape.key_bytes] == octets).all(axis=1)
            self._tell(known, asked.order[candidates[hit]], records[hit])
            candidates, places, end = candidates[~hit], places[~hit] + 1, end[~hit]
            tags, octets = tags[~hit], octets[~hit]

    def slice(self, start: int, stop: int) -> Entries:
        """The entries, in key order, whose keys' first 16 bits are in [start, stop)."""
        shape = self.shape
        if shape.prefix_bytes >= 2:
            shift = 8 * (shape.prefix_bytes - 2)
            begin, end = start << shift, stop << shift
        else:
            step = 256 ** (2 - shape.prefix_bytes)
            begin, end = start // step, -(-stop // step)
        bounds = self._directory[begin : end + 1].astype(np.int64)
        if (bounds[1:] < bounds[:-1]).any() or bounds[-1] > len(self):
            raise DamagedRun(self.path)
        entries = self._decoded(begin, bounds)
        if shape.prefix_bytes < 2:
            sixteen = entries.high >> np.uint64(48)
            entries = entries.at((sixteen >= start) & (sixteen < stop))
        self._give_back()
        return entries

    def is_as_written(self) -> bool:
        """Whether every section still has its digest; reads the whole file, a piece at a time."""
        for start, length, digest in zip(
            self.shape.section_starts, self.shape.section_bytes, self.digests, strict=True
        ):
            state = hashlib.sha256()
            for offset in range(start, start + length, _READ_BYTES):
                state.update(self._map[offset : min(offset + _READ_BYTES, start + length)])
            if state.digest() != digest:
                return False
        return True

    def _column(self, kind: str, count: int, offset: int) -> npt.NDArray[np.generic]:
        return np.frombuffer(self._map, dtype=kind, count=count, offset=offset)

    def _prefixes(self, high: UInt64s) -> npt.NDArray[np.int64]:
        if not self.shape.prefix_bytes:
            return np.zeros(len(high), dtype=np.int64)
        return (high >> np.uint64(64 - 8 * self.shape.prefix_bytes)).astype(np.int64)

    def _tags_of(self, high: UInt64s) -> npt.NDArray[np.uint16]:
        return (high >> np.uint64(64 - 8 * (self.shape.prefix_bytes + TAG_BYTES))).astype(np.uint16)

    def _first_not_below(
        self, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], tags: npt.NDArray[np.uint16]
    ) -> npt.NDArray[np.int64]:
        """For each the first place in [start, end) whose tag is not below its own, or `end`."""
        if len(start) <= _ONE_BY_ONE_MAX:
            searches = zip(start.tolist(), end.tolist(), tags, strict=True)
            return np.array([begin + self._tags[begin:to].searchsorted(tag) for begin, to, tag in searches])
        low, high = start, end
        for _ in range(int((end - start).max()).bit_length()):
            middle = (low + high) >> 1
            below = (low < high) & (self._tags[np.minimum(middle, len(self) - 1)] < tags)
            low = np.where(below, middle + 1, low)
            high = np.where(below, high, middle)
        return low

    def _records_at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        self._faults += len(places)
        records = self._records[places]
        if self._faults >= _FAULTS_MAX:
            self._give_back()
        return records

    def _give_back(self) -> None:
        """Lets go of the pages of records: they stay in the system's cache, not in this process."""
        self._faults = 0
        start = self._records_start // mmap.PAGESIZE * mmap.PAGESIZE
        if len(self._map) > start:
            self._map.madvise(mmap.MADV_DONTNEED, start, len(self._map) - start)

    def _tell(self, known: Known, places: npt.NDArray[np.int64], records: npt.NDArray[np.uint8]) -> None:
        known.found[places] = True
        known.position[places] = self._positions(records)
        lanes = np.ascontiguousarray(records[:, -_LANES_BYTES:]).view("<u8")
        known.lane_a[places], known.lane_b[places] = lanes[:, 0], lanes[:, 1]

    def _positions(self, records: npt.NDArray[np.uint8]) -> UInt64s:
        key, batch = self.shape.key_bytes, self.shape.key_bytes + self.shape.batch_bytes
        numbers = _number(records[:, key:batch]) + np.uint64(self.shape.first)
        return (numbers << np.uint64(32)) | _number(records[:, batch : batch + self.shape.row_bytes])

    def _decoded(self, first_prefix: int, bounds: npt.NDArray[np.int64]) -> Entries:
        start, stop = int(bounds[0]), int(bounds[-1])
        shape, records = self.shape, self._records[start:stop]
        octets = np.empty((len(records), KEY_BYTES), dtype=np.uint8)
        if shape.prefix_bytes:
            prefixes = np.arange(first_prefix, first_prefix + len(bounds) - 1, dtype=">u4")
            each = np.repeat(prefixes, np.diff(bounds)).view(np.uint8).reshape(-1, 4)
            octets[:, : shape.prefix_bytes] = each[:, 4 - shape.prefix_bytes :]
        tags = self._tags[start:stop].astype(">u2").view(np.uint8).reshape(-1, TAG_BYTES)
        octets[:, shape.prefix_bytes : shape.prefix_bytes + TAG_BYTES] = tags
        octets[:, KEY_BYTES - shape.key_bytes :] = records[:, : shape.key_bytes]
        words = octets.view(">u8").astype(np.uint64)
        lanes = np.ascontiguousarray(records[:, -_LANES_BYTES:]).view("<u8")
        return Entries(words[:, 0], words[:, 1], self._positions(records), lanes)


def runs_covering(paths: dict[tuple[int, int], Path], opened: dict[Path, Run]) -> Iterator[Run]:
    """The runs among `paths` that cover the log from batch 1 without a gap; of two that start alike, the
    longer. Those in `opened` are not opened again; those of an earlier format are passed over.

    Raises `DamagedRun`, or `FileNotFoundError` if another process has merged one away meanwhile.
    """
    starting: dict[int, list[int]] = {}
    for first, last in sorted(paths, reverse=True):
        starting.setdefault(first, []).append(last)
    following: int | None = 1
    while following is not None:
        readable = (_readable(paths[following, last], opened) for last in starting.get(following, ()))
        run = next((run for run in readable if run is not None), None)
        following = None if run is None else run.last + 1
        if run is not None:
            yield run


def _readable(path: Path, opened: dict[Path, Run]) -> Run | None:
    if path in opened:
        return opened[path]
    try:
        return Run(path)
    except OutdatedRun:
        return None


def is_outdated(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(OUTDATED)) == OUTDATED


def _number(octets: npt.NDArray[np.uint8]) -> UInt64s:
    """Little-endian numbers of up to eight octets, one a row."""
    wide = np.zeros((len(octets), 8), dtype=np.uint8)
    wide[:, : octets.shape[1]] = octets
    return wide.view("<u8").reshape(len(octets))
