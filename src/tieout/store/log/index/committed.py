"""The accepted identities of committed batches, in order, read back from the log: from the key entries where
they are still stored, from the segments where they are not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, select

from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import Watermark
from tieout.ports import SegmentFile, SegmentFiles, UnreadableSegment
from tieout.store.log import schema
from tieout.store.log.encoding import DamagedBody, KeyEntries, decode_keys
from tieout.store.log.reader import manifest
from tieout.table.canonical import identity_keys
from tieout.table.packed import columns_of, unpacked
from tieout.table.position_words import position_words

BATCHES_AT_ONCE: Final = 64
ROWS_AT_ONCE: Final = 1 << 21
"""Identities sorted into batches at once, 44 bytes each; what a segment holds beyond that waits in a file."""
_ROWS_READ: Final = 131_072
_COLUMNS: Final = ("batch", "row", "source", "id", "lane_a", "lane_b")
_ENTRY: Final = np.dtype([("batch", "<i8"), ("row", "<u4"), ("key", "<u8", (2,)), ("lanes", "<u8", (2,))])


class IdentitiesMissing(IntegrityViolation):
    """The log no longer holds every identity it accepted: an index without them would let them in again."""

    code = "identities-missing"

    def __init__(self, batch: int, stored: int, accepted: int) -> None:
        super().__init__(
            f"batch {batch}: {stored} of {accepted} accepted events are stored; `tieout verify` names what "
            "is damaged, and the index is built again once it is restored"
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """Where committed identities are read from. `spool_folder` takes files that are gone when they close."""

    engine: Engine
    segments: SegmentFiles
    secret: bytes
    spool_folder: Path

    def head(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(select(schema.head.c.batch)).scalar_one())

    def entries(self, first: int, last: int) -> Iterator[tuple[int, KeyEntries]]:
        """(batch, its identities) for each of the batches. Raises `IdentitiesMissing`, `DamagedBody` or
        `UnreadableSegment`.
        """
        following = first
        while following <= last:
            for batch, entries in self._some(following, last):
                assert batch == following, "batches are gapless"
                yield batch, entries
                following += 1

    def _some(self, first: int, last: int) -> Iterator[tuple[int, KeyEntries]]:
        """At least the first of them."""
        upto = min(first + BATCHES_AT_ONCE - 1, last)
        with self.engine.connect() as connection:
            stored = dict(stored_entries(connection, first, upto))
        if first in stored:
            for batch in range(first, upto + 1):
                if batch not in stored:
                    return
                yield batch, stored[batch]
            return
        yield from self._of_segments(first, last)

    def _of_segments(self, first: int, last: int) -> Iterator[tuple[int, KeyEntries]]:
        """Those of the segments that hold batch `first`, whole."""
        listed = manifest(self.engine, self.segments, Watermark(first)).segments
        group = [segment for segment in listed if segment.first_batch <= first <= segment.last_batch]
        end = min([last, *(segment.last_batch for segment in group)]) if group else first
        accepted = self._accepted(first, end)
        with _Spool(accepted, self.spool_folder) as spool:
            for segment in group:
                for table in _pieces(segment):
                    spool.add(_entries_of(table, self.secret))
            spool.correct(self._erased(first, end))
            yield from spool.batches()

    def _accepted(self, first: int, last: int) -> dict[int, int]:
        batches = schema.batches.c
        query = select(batches.number, batches.accepted).where(batches.number.between(first, last))
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(batches.number))
            accepted = {row.number: row.accepted for row in rows}
        for batch in range(first, last + 1):
            if batch not in accepted:
                raise DamagedBody(f"batch {batch}", "its row in the log is missing")
        return accepted

    def _erased(self, first: int, last: int) -> np.ndarray:
        """Events of which only digests are left: their identities cannot be computed again."""
        erasures = schema.erasures.c
        query = select(erasures.batch, erasures.row, erasures.identity_key, erasures.content_digest)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(erasures.batch.between(first, last))).all()
        entries = np.empty(len(rows), dtype=_ENTRY)
        for place, row in enumerate(rows):
            key, digest = np.frombuffer(row.identity_key, "<u8"), np.frombuffer(row.content_digest, "<u8")
            entries[place] = (row.batch, row.row, key, digest[:2])
        return entries


def stored_entries(connection: Connection, first: int, last: int) -> Iterator[tuple[int, KeyEntries]]:
    """The accepted identities of these batches, where they still stand as key entries."""
    keys = schema.keys.c
    query = select(keys.batch, keys.entries).where(keys.batch.between(first, last)).order_by(keys.batch)
    for batch, entries in connection.execute(query):
        yield batch, decode_keys(entries, f"the identity keys of batch {batch}")


def _pieces(segment: SegmentFile) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(segment.path) as file:
            wanted = {*_COLUMNS, *columns_of(list(_COLUMNS))}
            columns = [name for name in file.schema_arrow.names if name in wanted]
            for piece in file.iter_batches(batch_size=_ROWS_READ, columns=columns):
                yield unpacked(pa.Table.from_batches([piece]))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableSegment(segment.path, str(error).splitlines()[0]) from None


def _entries_of(table: pa.Table, secret: bytes) -> np.ndarray:
    entries = np.empty(table.num_rows, dtype=_ENTRY)
    entries["batch"], entries["row"] = table.column("batch").to_numpy(), table.column("row").to_numpy()
    entries["key"] = np.frombuffer(identity_keys(table, secret), dtype="<u8").reshape(-1, 2)
    for place, name in enumerate(("lane_a", "lane_b")):
        entries["lanes"][:, place] = table.column(name).to_numpy()
    return entries


class _Spool:
    """Sorts identities that come in the order of segments into batches, a bounded part at a time."""

    def __init__(self, accepted: dict[int, int], folder: Path) -> None:
        self._accepted = accepted
        self._firsts = _parts(accepted)
        self._files: list[BinaryIO] = []
        self._folder = folder
        self._corrections = np.empty(0, dtype=_ENTRY)

    def __enter__(self) -> _Spool:
        self._files = [_unnamed_file(self._folder) for _ in self._firsts]
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def add(self, entries: np.ndarray) -> None:
        own = (entries["batch"] >= min(self._accepted)) & (entries["batch"] <= max(self._accepted))
        part = np.searchsorted(self._firsts, entries["batch"], side="right") - 1
        for number, file in enumerate(self._files):
            file.write(entries[own & (part == number)].tobytes())

    def correct(self, entries: np.ndarray) -> None:
        """Puts `entries` in the place of what was read of the same rows."""
        self._corrections = entries

    def batches(self) -> Iterator[tuple[int, KeyEntries]]:
        ends = [*self._firsts[1:], max(self._accepted) + 1]
        for file, first, end in zip(self._files, self._firsts, ends, strict=True):
            file.seek(0)
            entries = np.frombuffer(file.read(), dtype=_ENTRY)
            entries = _corrected(entries, self._corrections, first, end)
            entries = entries[np.lexsort((entries["row"], entries["batch"]))]
            bounds = np.searchsorted(entries["batch"], np.arange(first, end + 1))
            for batch, start, stop in zip(range(first, end), bounds, bounds[1:], strict=False):
                own = entries[start:stop]
                if len(own) != self._accepted[batch]:
                    raise IdentitiesMissing(batch, len(own), self._accepted[batch])
                yield batch, KeyEntries(own["key"], own["lanes"], own["row"])


def _unnamed_file(folder: Path) -> BinaryIO:
    return tempfile.TemporaryFile(dir=folder)


def _parts(accepted: dict[int, int]) -> list[int]:
    """The first batch of each part: at most `ROWS_AT_ONCE` identities, or a single batch."""
    firsts: list[int] = []
    rows = 0
    for batch, count in accepted.items():
        if not firsts or rows + count > ROWS_AT_ONCE:  # the first may be of a batch that accepted nothing
            firsts.append(batch)
            rows = 0
        rows += count
    return firsts


def _corrected(entries: np.ndarray, corrections: np.ndarray, first: int, end: int) -> np.ndarray:
    own = corrections[(corrections["batch"] >= first) & (corrections["batch"] < end)]
    if not len(own):
        return entries
    kept = ~np.isin(_words(entries), _words(own))
    return np.concatenate([entries[kept], own])


def _words(entries: np.ndarray) -> np.ndarray:
    return position_words(entries["batch"], entries["row"])
