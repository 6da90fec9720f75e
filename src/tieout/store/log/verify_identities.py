"""The part of `verify` that is about identities: none was accepted twice (law L3), and the index holds just
those that the log holds.

The first needs all keys beside one another. They are sorted in parts by their first bits; what is more than
fits into a bounded memory waits in files that are gone when they close.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from tieout.ingest.verdict import UInt64s
from tieout.ports import LogFinding
from tieout.store.log.index import levels
from tieout.store.log.index.entries import Entries, key_stretches
from tieout.store.log.index.filing import covering
from tieout.store.log.index.run import DamagedRun, OutdatedRun, Run
from tieout.table.position_words import position_words

_PART_BITS: Final = 6
BUFFERED_MAX: Final = 1 << 22
"""Keys in memory at once, 16 bytes each; a part of a billion keys has four times as many."""
_ENTRIES_AT_ONCE: Final = 1 << 20
_WEIGHTS: Final = tuple(np.uint64(weight) for weight in (1, 3, 5, 7, 11))


class IdentityCensus:
    """Every accepted identity of the log, told in any order. To be used as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buffered: list[UInt64s] = []
        self._buffered_count = 0
        self._files: list[BinaryIO] = []
        self._counts = np.zeros(1, dtype=np.uint64)
        self._sums = np.zeros(1, dtype=np.uint64)

    def __enter__(self) -> IdentityCensus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()

    def add(
        self,
        *,
        batch: npt.NDArray[np.integer],
        row: npt.NDArray[np.integer],
        keys: UInt64s,
        digests: npt.NDArray[np.uint8],
    ) -> None:
        """Accepted rows: keys (n, 2), content digests (n, 32)."""
        words = np.ascontiguousarray(digests).view("<u8").reshape(-1, 4)
        position = position_words(batch, row)
        self._sum(Entries(keys[:, 0], keys[:, 1], position, words[:, :2]))
        self._buffered.append(keys)
        self._buffered_count += len(keys)
        if self._buffered_count > BUFFERED_MAX:
            self._spill()

    def repeated(self) -> int:
        """How many identities were told that had been told before."""
        if not self._files:
            return _repeated(self._taken())
        self._spill()
        return sum(_repeated(keys) for keys in self._parts())

    def told(self, first: int, last: int) -> tuple[int, int]:
        """(how many, a sum over all that an index entry says) of a range of batches that runs may cover."""
        spans = slice((first - 1) // levels.RUN_BATCHES, (last - 1) // levels.RUN_BATCHES + 1)
        return int(self._counts[spans].sum()), int(self._sums[spans].sum(dtype=np.uint64))

    def _sum(self, entries: Entries) -> None:
        if not len(entries):
            return
        spans = ((entries.position >> np.uint64(32)).astype(np.int64) - 1) // levels.RUN_BATCHES
        size = int(spans.max()) + 1
        if size > len(self._sums):
            self._sums.resize(2 * size, refcheck=False)
            self._counts.resize(2 * size, refcheck=False)
        np.add.at(self._sums, spans, sums_of(entries))
        np.add.at(self._counts, spans, np.uint64(1))

    def _taken(self) -> UInt64s:
        taken = np.concatenate([np.empty((0, 2), dtype=np.uint64), *self._buffered])
        self._buffered, self._buffered_count = [], 0
        return taken

    def _spill(self) -> None:
        parts = 1 << _PART_BITS
        if not self._files:
            self._files = [_unnamed_file(self._folder) for _ in range(parts)]
        keys = self._taken()
        keys = keys[np.argsort(keys[:, 0])]
        bounds = np.searchsorted(keys[:, 0] >> np.uint64(64 - _PART_BITS), np.arange(parts + 1))
        for file, start, stop in zip(self._files, bounds, bounds[1:], strict=False):
            file.write(keys[start:stop].tobytes())

    def _parts(self) -> Iterator[UInt64s]:
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype=np.uint64).reshape(-1, 2)


def sums_of(entries: Entries) -> UInt64s:
    """One number for all that an entry says: added up, it finds accidents, not forgers."""
    columns = (entries.high, entries.low, entries.position, entries.lanes[:, 0], entries.lanes[:, 1])
    total = np.zeros(len(entries), dtype=np.uint64)
    for weight, column in zip(_WEIGHTS, columns, strict=True):
        total += weight * column
    return total


def verify_index(
    folder: Path, census: IdentityCensus, *, keys_from: int, head: int, is_whole: bool
) -> Iterator[LogFinding]:
    """What is wrong with the run files. `keys_from`: from this batch on the log still has key entries;
    `is_whole`: the census was told every identity up to `head`.
    """
    repair = "`tieout index rebuild` writes it again from the log"
    for covered, path in sorted(levels.listed(folder).items()):
        try:
            run = Run(path)
            is_right = run.range == covered and run.is_as_written()
            if is_right and is_whole and run.last <= head:
                is_right = _is_told(run, census)
        except (OutdatedRun, FileNotFoundError):
            continue  # of an earlier format, so nothing reads it; or merged into a longer one meanwhile
        except (OSError, DamagedRun):
            is_right = False
        if not is_right:
            yield LogFinding("index", str(path), f"it is damaged; {repair}")
    try:
        runs = covering(folder)
    except DamagedRun:
        return  # named above
    following = runs[-1].last + 1 if runs else 1
    missing = min(keys_from, head + 1)
    if following < missing:
        where = f"batches {following} to {missing - 1}"
        yield LogFinding("index", where, f"no file holds their identities; {repair}")


def _is_told(run: Run, census: IdentityCensus) -> bool:
    stretches = key_stretches(len(run), at_once=_ENTRIES_AT_ONCE)
    sums = (int(sums_of(run.slice(start, stop)).sum(dtype=np.uint64)) for start, stop in stretches)
    return (len(run), sum(sums) % 2**64) == census.told(run.first, run.last)


def _unnamed_file(folder: Path) -> BinaryIO:
    return tempfile.TemporaryFile(dir=folder)


def _repeated(keys: UInt64s) -> int:
    words = np.sort(keys[:, 0])
    if not (words[1:] == words[:-1]).any():
        return 0
    ordered = keys[np.lexsort((keys[:, 1], keys[:, 0]))]
    return int((ordered[1:] == ordered[:-1]).all(axis=1).sum())
