"""One subject's rows of a segment: the row groups that may hold some, and of each only what is asked for.

Rows are sorted by subject, so a few row groups of a segment matter, and of these the subjects are read first:
a group without a wanted row costs one narrow column.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

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

Bounds = tuple[Any, Any] | None


@dataclass(frozen=True, slots=True)
class _Footer:
    """`bounds`: for each row group the least and greatest subject, then time; None where they were not kept.
    `repeated`: the text columns that are stored as dictionaries: read so, they cost a third.
    """

    metadata: pq.FileMetaData
    bounds: tuple[tuple[Bounds, Bounds], ...]
    repeated: tuple[str, ...]


def row_groups_of(path: str, subjects: Sequence[str], *, opens: int, closes: int) -> list[int]:
    """The row groups whose bounds leave room for a row of these sorted subjects with a time in [opens,
    closes). Raises `UnreadableSegment`.
    """
    try:
        bounds = _footer(path).bounds
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None
    return [
        group
        for group, (whose, when) in enumerate(bounds)
        if (when is None or (when[0] < closes and when[1] >= opens))
        and (whose is None or _any_within(subjects, *whose))
    ]


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
        footer = _footer(path)
        file = pq.ParquetFile(path, metadata=footer.metadata, read_dictionary=footer.repeated)
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
        return unpacked(pq.ParquetFile(path, metadata=_footer(path).metadata).schema_arrow.empty_table())
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


def _footer(path: str) -> _Footer:
    """Of the file as it is: another one under the same name has another size or time."""
    found = os.stat(path)
    return _read_footer(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=FOOTERS_REMEMBERED)
def _read_footer(path: str, _bytes: int, _changed: int) -> _Footer:
    metadata = pq.read_metadata(path)
    names = metadata.schema.names
    places = names.index("subject"), names.index("time")
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    bounds = tuple((_bounds(group, places[0]), _bounds(group, places[1])) for group in groups)
    return _Footer(metadata, bounds, tuple(_repeated(groups[0])) if groups else ())


def _bounds(group: pq.RowGroupMetaData, place: int) -> Bounds:
    kept = group.column(place).statistics
    return (kept.min, kept.max) if kept is not None and kept.has_min_max else None


def _repeated(group: pq.RowGroupMetaData) -> Iterator[str]:
    for place in range(group.num_columns):
        column = group.column(place)
        small = column.total_uncompressed_size < BYTES_PER_INDEX * group.num_rows
        if column.physical_type == "BYTE_ARRAY" and (
            small or column.path_in_schema in (*REPEATED, "subject")
        ):
            yield column.path_in_schema


def _any_within(subjects: Sequence[str], low: str, high: str) -> bool:
    return any(low <= subject <= high for subject in subjects)
