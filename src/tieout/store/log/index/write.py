"""Writes run files: from what is in memory, or merged from shorter runs, a stretch of keys at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from tieout.store.files import writing_durably
from tieout.store.log.index.entries import (
    KEY_BYTES,
    Entries,
    filter_bits,
    filter_places,
    in_key_order,
    joined,
    key_octets,
    key_stretches,
)
from tieout.store.log.index.run import (
    HEADER_BYTES,
    TAG_BYTES,
    Run,
    Shape,
    encode_header,
    octets_of,
)

MERGED_AT_ONCE: Final = 1 << 15
"""Entries. A server merges in a thread beside its answers: a stretch that stays in the processor's cache is
sorted in a few milliseconds, during which Python's lock is held; of 2^19, answers waited a third of a second.
"""
_SYNC_BYTES: Final = 64 << 20
_LANES_BYTES: Final = 16


def write_run(entries: Entries, path: Path, *, first: int, last: int) -> None:
    """A run of whole batches, given in any order. Durable before it returns; replaces an equal file."""
    rows = int(np.bitwise_and(entries.position, np.uint64(0xFFFF_FFFF)).max(initial=0))
    _write(Shape(first, last, len(entries), octets_of(rows)), path, _stretches_of(in_key_order(entries)))


def merge_runs(runs: Sequence[Run], path: Path, *, between: Callable[[], None] = lambda: None) -> None:
    """One run of adjacent runs, given in order. Memory stays bounded whatever their length.

    `between` is called between two stretches of keys; what it raises ends the merge, and leaves no file.
    """
    count = sum(len(run) for run in runs)
    shape = Shape(runs[0].first, runs[-1].last, count, max(run.shape.row_bytes for run in runs))
    _write(shape, path, _merged(runs, count, between))


def _merged(runs: Sequence[Run], count: int, between: Callable[[], None]) -> Iterator[Entries]:
    for start, stop in key_stretches(count, at_once=MERGED_AT_ONCE):
        yield in_key_order(joined([run.slice(start, stop) for run in runs]))
        between()


def _stretches_of(entries: Entries) -> Iterator[Entries]:
    for start in range(0, len(entries), MERGED_AT_ONCE):
        yield entries.at(slice(start, start + MERGED_AT_ONCE))


def _write(shape: Shape, path: Path, stretches: Iterable[Entries]) -> None:
    with writing_durably(path) as file:
        file.truncate(shape.file_bytes)
        sections = _Sections(shape, file)
        for stretch in stretches:
            sections.add(stretch)
        sections.finish()


class _Sections:
    """The sections of one file while it is written: tags and records as they come, the others at the end."""

    def __init__(self, shape: Shape, file: BinaryIO) -> None:
        self._shape = shape
        self._file = file
        self._filter = np.zeros(shape.filter_words, dtype="<u8")
        self._starting = np.zeros(256**shape.prefix_bytes + 1, dtype="<u4")
        self._digests = (hashlib.sha256(), hashlib.sha256())
        self._count = 0
        self._unsynced = 0

    def add(self, entries: Entries) -> None:
        """The next entries in key order."""
        if not len(entries):
            return
        shape = self._shape
        octets = key_octets(entries.high, entries.low)
        self._add_to_filter(entries)
        self._add_to_directory(entries)
        tags = octets[:, shape.prefix_bytes : shape.prefix_bytes + TAG_BYTES]
        tags = np.ascontiguousarray(tags[:, ::-1])  # little-endian in the file
        records = self._records_of(entries, octets)
        places = (TAG_BYTES, shape.record_bytes)
        for part, digest, start, width in zip(
            (tags, records), self._digests, shape.section_starts[2:], places, strict=True
        ):
            digest.update(part.data)
            self._file.seek(start + self._count * width)
            self._file.write(part.data)
        self._count += len(entries)
        self._sync_some(tags.nbytes + records.nbytes)

    def _sync_some(self, octets: int) -> None:
        """Now and then, so that the sync at the end is short, and no commit's own sync waits behind it."""
        self._unsynced += octets
        if self._unsynced >= _SYNC_BYTES:
            self._file.flush()
            os.fdatasync(self._file.fileno())
            self._unsynced = 0

    def finish(self) -> None:
        shape = self._shape
        assert self._count == shape.count, "every entry of the inputs is written once"
        directory = np.cumsum(self._starting, dtype="<u4")
        digests = (
            hashlib.sha256(self._filter.data).digest(),
            hashlib.sha256(directory.data).digest(),
            *(state.digest() for state in self._digests),
        )
        self._file.seek(0)
        self._file.write(encode_header(shape, digests))
        assert self._file.tell() == HEADER_BYTES
        self._file.write(self._filter.data)
        self._file.write(directory.data)

    def _add_to_filter(self, entries: Entries) -> None:
        places = filter_places(entries.high >> np.uint64(32), self._shape.filter_words)
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        self._filter[places[starts]] |= np.bitwise_or.reduceat(filter_bits(entries.low), starts)

    def _add_to_directory(self, entries: Entries) -> None:
        if not self._shape.prefix_bytes:
            self._starting[1] += len(entries)
            return
        prefixes = (entries.high >> np.uint64(64 - 8 * self._shape.prefix_bytes)).astype(np.int64)
        first, last = int(prefixes[0]), int(prefixes[-1])
        self._starting[first + 1 : last + 2] += np.bincount(prefixes - first).astype("<u4")

    def _records_of(self, entries: Entries, octets: np.ndarray) -> np.ndarray:
        shape = self._shape
        records = np.empty((len(entries), shape.record_bytes), dtype=np.uint8)
        batches = (entries.position >> np.uint64(32)) - np.uint64(shape.first)
        key, batch = shape.key_bytes, shape.key_bytes + shape.batch_bytes
        records[:, :key] = octets[:, KEY_BYTES - key :]
        records[:, key:batch] = _octets(batches)[:, : shape.batch_bytes]
        records[:, batch:-_LANES_BYTES] = _octets(entries.position)[:, : shape.row_bytes]
        records[:, -_LANES_BYTES:] = np.ascontiguousarray(entries.lanes, "<u8").view(np.uint8).reshape(-1, 16)
        return records


def _octets(numbers: np.ndarray) -> np.ndarray:
    """(n, 8): little-endian; the low four of a position are its row."""
    return np.ascontiguousarray(numbers, dtype="<u8").view(np.uint8).reshape(len(numbers), 8)
