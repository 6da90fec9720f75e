"""The columns of a list of retracted identities: what each retraction names, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

RETRACTED_SCHEMA: Final = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("batch", pa.int64(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
    ]
)
"""(source, id) is the target's identity, (batch, row) the retraction's position; an identity may stand there
several times.
"""
NOTHING_RETRACTED: Final = RETRACTED_SCHEMA.empty_table()


def known_at(retracted: pa.Table, batch: int) -> pa.Table:
    """The retractions up to the end of `batch`."""
    return retracted.filter(pc.less_equal(retracted.column("batch"), batch))


def with_more(retracted: pa.Table, more: Sequence[tuple[str, str, int, int]]) -> pa.Table:
    """The list and (source, id, batch, row) of more retractions."""
    rows = [dict(zip(RETRACTED_SCHEMA.names, each, strict=True)) for each in more]
    return pa.concat_tables([retracted, pa.Table.from_pylist(rows, schema=RETRACTED_SCHEMA)]).combine_chunks()


def since_ever(retracted: pa.Table) -> pa.Table:
    """The same identities as if each had been retracted before the log began."""
    place = RETRACTED_SCHEMA.get_field_index("batch")
    zeros = pa.array([0] * retracted.num_rows, pa.int64())
    return retracted.set_column(place, RETRACTED_SCHEMA.field("batch"), zeros)
