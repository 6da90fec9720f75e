"""The tree of hashes (RFC 6962) over the rows of a piece of the log in stored order: by subject, time, batch,
row. They lie in one segment file, beside later batches perhaps, or in several, or are still loose.

A leaf is the position of an event and the first 128 bits of its content digest, which is what a segment
holds of it. The roots of groups of 1,024 leaves are kept, so that a proof reads only the groups around its
events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, delete, insert, select

from tieout.kernel.merkle import GROUP_LEAVES, HASH_BYTES, groups_of, root_of
from tieout.store.log import schema
from tieout.store.log.segments.segment_file import unreadable
from tieout.store.log.turn import turn_among_commits
from tieout.table.position_words import position_words

LEAF: Final = np.dtype(
    [("tag", "u1"), ("batch", "<i8"), ("row", "<i4"), ("lane_a", "<u8"), ("lane_b", "<u8")]
)
"""The tag of a leaf (zero), then its content."""
COLUMNS: Final = ["batch", "row", "lane_a", "lane_b"]


def leaf_hashes(rows: pa.Table) -> list[bytes]:
    """Of rows in their order."""
    leaves = np.zeros(rows.num_rows, LEAF)
    for name in COLUMNS:
        leaves[name] = rows.column(name).to_numpy()
    content, width = leaves.tobytes(), LEAF.itemsize
    return [sha256(content[place : place + width]).digest() for place in range(0, len(content), width)]


Words = npt.NDArray[np.uint64]
GroupsOf = Callable[[str], Sequence[int]]
"""The path of a segment file -> its row groups that may hold what is wanted."""


class LeafRows(Protocol):
    """The rows of a tree by their place in it."""

    size: int

    def tables(self) -> Iterator[pa.Table]:
        """All of them in order, a bounded number at a time where they lie in one file."""
        ...

    def between(self, start: int, end: int) -> pa.Table: ...

    def places(self, wanted: Words, groups_of: GroupsOf) -> npt.NDArray[np.int64]:
        """Those of the rows whose positions (`table.position_words`, sorted) are wanted, in order."""
        ...


class RowTree:
    """A tree over `rows`; `groups`: the roots of groups of its leaves, in order."""

    def __init__(self, size: int, groups: Sequence[bytes], rows: LeafRows) -> None:
        self.size = size
        self.groups = groups
        self._rows = rows
        self._held: tuple[int, list[bytes]] = (-1, [])

    @property
    def root(self) -> bytes:
        return root_of(self.groups)

    def subtree(self, start: int, end: int) -> bytes:
        """The root over these leaves, which are a subtree; whole groups are not read."""
        if start % GROUP_LEAVES == 0 and (end % GROUP_LEAVES == 0 or end == self.size):
            return root_of(self.groups[start // GROUP_LEAVES : -(-end // GROUP_LEAVES)])
        group = start // GROUP_LEAVES
        first = group * GROUP_LEAVES
        if self._held[0] != group:
            rows = self._rows.between(first, min(first + GROUP_LEAVES, self.size))
            self._held = (group, leaf_hashes(rows))
        return root_of(self._held[1][start - first : end - first])


class TableRows:
    """`LeafRows` of a table, which is in stored order."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.size: int = table.num_rows

    def tables(self) -> Iterator[pa.Table]:
        yield self._table

    def between(self, start: int, end: int) -> pa.Table:
        return self._table.slice(start, end - start)

    def places(self, wanted: Words, groups_of: GroupsOf) -> npt.NDArray[np.int64]:  # noqa: ARG002 (of files)
        return _among(wanted, self._table)


class SegmentRows:
    """`LeafRows` of a segment file: its rows in batches `first` to `last`, of which one row group is in
    memory. Raises `UnreadableSegment`.
    """

    def __init__(self, path: str, *, first: int, last: int) -> None:
        self._path, self._first, self._last = path, first, last
        with self._reading():
            self._file = pq.ParquetFile(path)
            counts = [self._count(group) for group in range(self._file.metadata.num_row_groups)]
        self._held, self._table = -1, pa.table({})
        self.starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.size: int = int(self.starts[-1])

    def tables(self) -> Iterator[pa.Table]:
        return (self.group(group) for group in range(len(self.starts) - 1))

    def group(self, group: int) -> pa.Table:
        """The columns of leaves of one row group."""
        if group != self._held:
            with self._reading():
                table = self._file.read_row_group(group, columns=COLUMNS, use_threads=False)
            if table.num_rows != self.starts[group + 1] - self.starts[group]:
                table = table.filter(pa.array(self._inside(table)))
            self._held, self._table = group, table
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

    def places(self, wanted: Words, groups_of: GroupsOf) -> npt.NDArray[np.int64]:
        found = [
            int(self.starts[group]) + _among(wanted, self.group(group)) for group in groups_of(self._path)
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _count(self, group: int) -> int:
        metadata = self._file.metadata.row_group(group)
        bounds = metadata.column(self._file.schema_arrow.names.index("batch")).statistics
        if bounds is not None and bounds.has_min_max:
            if self._first <= bounds.min and bounds.max <= self._last:
                return int(metadata.num_rows)
            if bounds.max < self._first or self._last < bounds.min:
                return 0
        table = self._file.read_row_group(group, columns=["batch"], use_threads=False)
        return int(np.count_nonzero(self._inside(table)))

    def _inside(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        batch = table.column("batch").to_numpy()
        return (self._first <= batch) & (batch <= self._last)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            raise unreadable(self._path, error) from None


@dataclass(frozen=True, slots=True)
class KeptTrees:
    """The trees of pieces by their roots, as the log keeps them: derived, so what is lost is made anew."""

    engine: Engine
    folder: Path

    def tree(self, rows: LeafRows, root: bytes) -> RowTree | None:
        """None where the rows do not have that root."""
        groups = self._kept(root, rows.size)
        if groups is not None:
            return RowTree(rows.size, groups, rows)
        tree = self.made(rows)
        return tree if tree.root == root else None

    def made(self, rows: LeafRows) -> RowTree:
        """From the rows, and kept."""
        tree = tree_of(rows)
        trees = schema.segment_trees
        with turn_among_commits(self.engine, self.folder) as connection:
            connection.execute(delete(trees).where(trees.c.sha256 == tree.root))
            connection.execute(insert(trees).values(sha256=tree.root, groups=b"".join(tree.groups)))
        return tree

    def _kept(self, root: bytes, size: int) -> list[bytes] | None:
        """None where they are not there, or are damaged: they come to their root."""
        trees = schema.segment_trees
        with self.engine.connect() as connection:
            blob = connection.execute(select(trees.c.groups).where(trees.c.sha256 == root)).scalar()
        whole = b"" if blob is None else bytes(blob)
        groups = [whole[place : place + HASH_BYTES] for place in range(0, len(whole), HASH_BYTES)]
        fits = len(whole) == -(-size // GROUP_LEAVES) * HASH_BYTES and root_of(groups) == root
        return groups if fits else None


def tree_of(rows: LeafRows) -> RowTree:
    """A table at a time; a group of leaves may lie in two of them."""
    groups: list[bytes] = []
    left: list[bytes] = []
    for table in rows.tables():
        left += leaf_hashes(table)
        whole = len(left) // GROUP_LEAVES * GROUP_LEAVES
        groups += groups_of(left[:whole])
        left = left[whole:]
    return RowTree(rows.size, groups + groups_of(left), rows)


def _among(wanted: Words, rows: pa.Table) -> npt.NDArray[np.int64]:
    """The places of the rows that are wanted. `wanted` is sorted."""
    words = position_words(rows.column("batch").to_numpy(), rows.column("row").to_numpy())
    near = np.searchsorted(wanted, words)
    near[near == len(wanted)] = 0
    return np.flatnonzero(wanted[near] == words) if len(wanted) else near[:0]
