"""The tree of hashes (RFC 6962) over the rows of a segment, or of loose batches, in stored order: by subject,
time, batch, row.

A leaf is the position of an event and the first 128 bits of its content digest, which is what a segment
holds of it. The roots of groups of 1,024 leaves are kept, so that a proof reads only the groups around its
events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, delete, insert, select

from tieout.kernel.merkle import GROUP_LEAVES, HASH_BYTES, groups_of, root_of
from tieout.store.log import schema
from tieout.store.log.segments.segment_file import unreadable
from tieout.store.log.turn import turn_among_commits

LEAF: Final = np.dtype(
    [("tag", "u1"), ("batch", "<i8"), ("row", "<i4"), ("lane_a", "<u8"), ("lane_b", "<u8")]
)
"""The tag of a leaf (zero), then its content."""
COLUMNS: Final = ["batch", "row", "lane_a", "lane_b"]
CHECK_BYTES: Final = 16
"""The start of a SHA-256 before the groups that are kept: what was damaged is made anew."""


def leaf_hashes(rows: pa.Table) -> list[bytes]:
    """Of rows in their order."""
    leaves = np.zeros(rows.num_rows, LEAF)
    for name in COLUMNS:
        leaves[name] = rows.column(name).to_numpy()
    content, width = leaves.tobytes(), LEAF.itemsize
    return [sha256(content[place : place + width]).digest() for place in range(0, len(content), width)]


class LeafRows(Protocol):
    """Rows of a tree by their place in it."""

    def between(self, start: int, end: int) -> pa.Table: ...


class RowTree:
    """A tree over `rows`; `groups`: the roots of groups of its leaves, in order."""

    def __init__(self, size: int, groups: Sequence[bytes], rows: LeafRows) -> None:
        self.size = size
        self._groups = groups
        self._rows = rows
        self._held: tuple[int, list[bytes]] = (-1, [])

    @property
    def root(self) -> bytes:
        return root_of(self._groups)

    def subtree(self, start: int, end: int) -> bytes:
        """The root over these leaves, which are a subtree; whole groups are not read."""
        if start % GROUP_LEAVES == 0 and (end % GROUP_LEAVES == 0 or end == self.size):
            return root_of(self._groups[start // GROUP_LEAVES : -(-end // GROUP_LEAVES)])
        group = start // GROUP_LEAVES
        first = group * GROUP_LEAVES
        if self._held[0] != group:
            rows = self._rows.between(first, min(first + GROUP_LEAVES, self.size))
            self._held = (group, leaf_hashes(rows))
        return root_of(self._held[1][start - first : end - first])


@dataclass(frozen=True, slots=True)
class TableRows:
    """`LeafRows` of a table."""

    table: pa.Table

    def between(self, start: int, end: int) -> pa.Table:
        return self.table.slice(start, end - start)


class SegmentRows:
    """`LeafRows` of a segment file, of which one row group is in memory. Raises `UnreadableSegment`."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise unreadable(path, error) from None
        metadata = self._file.metadata
        counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.size: int = metadata.num_rows
        self._held, self._table = -1, pa.table({})

    def group(self, group: int) -> pa.Table:
        """The columns of leaves of one row group."""
        if group != self._held:
            try:
                self._table = self._file.read_row_group(group, columns=COLUMNS, use_threads=False)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise unreadable(self._path, error) from None
            self._held = group
        return self._table

    def between(self, start: int, end: int) -> pa.Table:
        first, last = (
            int(np.searchsorted(self.starts, place, side="right")) - 1 for place in (start, end - 1)
        )
        parts = [
            self.group(group).slice(
                max(start - int(self.starts[group]), 0),
                min(end, int(self.starts[group + 1])) - max(start, int(self.starts[group])),
            )
            for group in range(first, last + 1)
        ]
        return pa.concat_tables(parts)


def tree_of_table(rows: pa.Table) -> RowTree:
    """`rows` are in stored order."""
    return RowTree(rows.num_rows, groups_of(leaf_hashes(rows)), TableRows(rows))


@dataclass(frozen=True, slots=True)
class KeptTrees:
    """The trees of segments, by the SHA-256 of their files, as the log keeps them."""

    engine: Engine
    folder: Path

    def of_segment(self, path: str, digest: bytes) -> RowTree:
        """Made from the file, and kept, where it is not there yet. Raises `UnreadableSegment`."""
        rows = SegmentRows(path)
        groups = self._kept(digest, rows.size)
        if groups is None:
            groups = _groups(rows)
            self._keep(digest, groups)
        return RowTree(rows.size, groups, rows)

    def _kept(self, digest: bytes, size: int) -> list[bytes] | None:
        trees = schema.segment_trees
        with self.engine.connect() as connection:
            blob = connection.execute(select(trees.c.groups).where(trees.c.sha256 == digest)).scalar()
        if blob is None:
            return None
        check, whole = bytes(blob[:CHECK_BYTES]), bytes(blob[CHECK_BYTES:])
        if check != _check(whole) or len(whole) != -(-size // GROUP_LEAVES) * HASH_BYTES:
            return None
        return [whole[place : place + HASH_BYTES] for place in range(0, len(whole), HASH_BYTES)]

    def _keep(self, digest: bytes, groups: Sequence[bytes]) -> None:
        """With it go the trees of segments that are gone."""
        trees, whole = schema.segment_trees, b"".join(groups)
        with turn_among_commits(self.engine, self.folder) as connection:
            gone = trees.c.sha256.not_in(select(schema.segments.c.sha256))
            connection.execute(delete(trees).where(gone | (trees.c.sha256 == digest)))
            connection.execute(insert(trees).values(sha256=digest, groups=_check(whole) + whole))


def _groups(rows: SegmentRows) -> list[bytes]:
    """A row group at a time; a group of leaves may lie in two of them."""
    groups: list[bytes] = []
    left: list[bytes] = []
    for group in range(len(rows.starts) - 1):
        left += leaf_hashes(rows.group(group))
        whole = len(left) // GROUP_LEAVES * GROUP_LEAVES
        groups += groups_of(left[:whole])
        left = left[whole:]
    return groups + groups_of(left)


def _check(blob: bytes) -> bytes:
    return sha256(blob).digest()[:CHECK_BYTES]
