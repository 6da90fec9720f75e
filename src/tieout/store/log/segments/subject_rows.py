"""One subject's rows of a segment: the row groups that may hold some, and of each only what is asked for.

Rows are sorted by subject, so a few row groups of a segment matter, and of these the subjects are read first:
a group without a wanted row costs one narrow column.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tieout.store.log.segments.segment_file import REPEATED, unreadable
from tieout.table.layout import plain_schema
from tieout.table.packed import unpacked

FOOTERS_REMEMBERED: Final = 1_024
"""About 200 kB each. A segment never changes, so its footer is read once in the life of a process."""
BYTES_PER_INDEX: Final = 4
"""A text column that takes less for each row is stored as a dictionary, and is read as one."""


def row_groups_of(path: str, subjects: Sequence[str], *, opens: int, closes: int) -> list[int]:
    """The row groups whose bounds leave room for a row of these sorted subjects with a time in [opens,
    closes). Raises `UnreadableSegment`.
    """
    try:
        metadata = _footer(path)
        names = metadata.schema.names
        subject, time = names.index("subject"), names.index("time")
        found = []
        for group in range(metadata.num_row_groups):
            bounds = metadata.row_group(group)
            whose, when = bounds.column(subject).statistics, bounds.column(time).statistics
            if when is not None and when.has_min_max and (when.max < opens or when.min >= closes):
                continue
            if whose is None or not whose.has_min_max or _any_within(subjects, whose.min, whose.max):
                found.append(group)
        return found
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None


def read_row_group_of(
    path: str,
    group: int,
    subjects: Sequence[str],
    *,
    opens: int,
    closes: int,
    without: Collection[str] = (),
) -> pa.Table | None:
    """The rows of these subjects with times in [opens, closes), ids as texts; None where there are none.
    Raises `UnreadableSegment`.
    """
    try:
        metadata = _footer(path)
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=_repeated(metadata, group))
        names = file.schema_arrow.names
        rows = _rows_of(file.read_row_group(group, columns=["subject"], use_threads=False), subjects)
        if not rows.size:
            return None
        asked = [name for name in names if name not in without]
        table = file.read_row_group(group, columns=asked, use_threads=False).take(pa.array(rows))
        times = table.column("time").to_numpy()
        inside = (times >= opens) & (times < closes)
        if not inside.all():
            table = table.filter(pa.array(inside))
        return unpacked(table.cast(plain_schema(table.schema))) if table.num_rows else None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None


def read_rows_of(path: str, subjects: Sequence[str], *, opens: int, closes: int) -> pa.Table:
    """The rows of these subjects with times in [opens, closes), ids as texts: only row groups that may hold
    some are read. Raises `UnreadableSegment`.
    """
    wanted = sorted(set(subjects))
    groups = row_groups_of(path, wanted, opens=opens, closes=closes)
    found = [read_row_group_of(path, group, wanted, opens=opens, closes=closes) for group in groups]
    tables = [table for table in found if table is not None]
    return pa.concat_tables(tables) if tables else _none(path)


def _none(path: str) -> pa.Table:
    try:
        return unpacked(pq.ParquetFile(path, metadata=_footer(path)).schema_arrow.empty_table())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None


def _rows_of(keys: pa.Table, subjects: Sequence[str]) -> np.ndarray:
    """The places of the rows, each subject looked up once."""
    column = keys.column("subject").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    wanted = pc.is_in(column.dictionary, value_set=pa.array(subjects, pa.string()))
    return np.flatnonzero(wanted.to_numpy(zero_copy_only=False)[column.indices.to_numpy()])


def _repeated(metadata: pq.FileMetaData, group: int) -> list[str]:
    """The text columns that are stored as dictionaries: read so, they cost a third."""
    bounds = metadata.row_group(group)
    columns = [bounds.column(place) for place in range(bounds.num_columns)]
    return [
        each.path_in_schema
        for each in columns
        if each.physical_type == "BYTE_ARRAY"
        and (
            each.path_in_schema in (*REPEATED, "subject")
            or each.total_uncompressed_size < BYTES_PER_INDEX * bounds.num_rows
        )
    ]


def _footer(path: str) -> pq.FileMetaData:
    """Of the file as it is: another one under the same name has another size or time."""
    found = os.stat(path)
    return _read_footer(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=FOOTERS_REMEMBERED)
def _read_footer(path: str, _bytes: int, _changed: int) -> pq.FileMetaData:
    return pq.read_metadata(path)


def _any_within(subjects: Sequence[str], low: str, high: str) -> bool:
    return any(low <= subject <= high for subject in subjects)
