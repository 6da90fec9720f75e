"""Sorted files as one sorted stream, with one piece of each file in memory at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import pyarrow as pa

from tieout.store.log.segments.segment_file import ORDER, batches_of_rows, in_order

ROWS_PER_PIECE = 32_768
Key = tuple[str, int, int, int]
"""(subject, time, batch, row): the order of a segment."""


class _Source:
    """One sorted file, of which `piece` is read and not yet given away."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self._batches = batches_of_rows(path, rows=ROWS_PER_PIECE)
        self._schema = schema
        self.piece = schema.empty_table()
        self.more = True
        self.refill()

    def refill(self) -> None:
        while self.more and not self.piece.num_rows:
            following = next(self._batches, None)
            if following is None:
                self.more = False
            else:
                self.piece = following.cast(self._schema)

    @property
    def last(self) -> Key:
        return _key(self.piece, self.piece.num_rows - 1)

    def upto(self, bound: Key) -> pa.Table:
        """Takes the rows that are not beyond `bound`."""
        end = bisect_right(range(self.piece.num_rows), bound, key=lambda row: _key(self.piece, row))
        taken, self.piece = self.piece.slice(0, end), self.piece.slice(end)
        return taken


def sorted_rows(paths: Sequence[str], schema: pa.Schema) -> Iterator[pa.Table]:
    """All rows of the files in order, in the stored form with `schema`, in pieces."""
    sources = [_Source(path, schema) for path in paths]
    while sources := [source for source in sources if source.piece.num_rows]:
        unread = [source.last for source in sources if source.more]
        if unread:  # beyond the least of these, a file may still hold rows that come first
            bound = min(unread)
            parts = [part for source in sources if (part := source.upto(bound)).num_rows]
        else:
            parts = [source.piece for source in sources]
            for source in sources:
                source.piece = schema.empty_table()
        yield parts[0] if len(parts) == 1 else in_order(pa.concat_tables(parts))
        for source in sources:
            source.refill()


def _key(table: pa.Table, row: int) -> Key:
    subject, time, batch, place = (table.column(name)[row].as_py() for name in ORDER)
    return subject, time, batch, place
