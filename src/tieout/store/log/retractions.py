"""Which identities the retractions of a manifest name, read from their own segments and the tail.

They are events of one built-in type, so that a log without any costs nothing here. A segment never changes,
so what one says is remembered for as long as the process lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import pyarrow as pa

from tieout.contract.retraction import RETRACTION_TYPE, TARGET_ID
from tieout.ports import SegmentFile, TailPart
from tieout.table.layout import FIELD_PREFIX
from tieout.table.retracted import NOTHING_RETRACTED, RETRACTED_SCHEMA

SEGMENTS_REMEMBERED: Final = 4_096
TARGET_COLUMN: Final = FIELD_PREFIX + TARGET_ID


def retracted_identities(
    segments: Sequence[SegmentFile], tail: Sequence[TailPart], read: Callable[[SegmentFile], pa.Table]
) -> pa.Table:
    """A table of `RETRACTED_SCHEMA`, in no order. `read` gives a segment's rows."""
    tables = [_of_segment(segment, read) for segment in segments if segment.type == RETRACTION_TYPE]
    tables += [_named(part.table) for part in tail if part.type == RETRACTION_TYPE]
    return pa.concat_tables(tables).combine_chunks() if tables else NOTHING_RETRACTED


@lru_cache(maxsize=SEGMENTS_REMEMBERED)
def _of_segment(segment: SegmentFile, read: Callable[[SegmentFile], pa.Table]) -> pa.Table:
    return _named(read(segment))


def _named(table: pa.Table) -> pa.Table:
    columns = [table.column(name) for name in ("source", TARGET_COLUMN, "batch", "row")]
    return pa.Table.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, RETRACTED_SCHEMA, strict=True)],
        schema=RETRACTED_SCHEMA,
    )
