"""Which rows of a table of events are retracted, by source and id."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tieout.kernel.ids import Watermark
from tieout.table.retracted import known_at

RETRACTED: Final = "retracted"
IDENTITY: Final = ("source", "id")
SEPARATOR: Final = "\0"
"""No source and no id holds it."""


class RetractedRows:
    """The identities that retractions up to the end of batch `watermark` name."""

    def __init__(self, retracted: pa.Table, watermark: Watermark) -> None:
        known = known_at(retracted, int(watermark))
        self._identities = _joined(known).combine_chunks() if known.num_rows else None

    @property
    def columns(self) -> tuple[str, ...]:
        """What must be read of an event to tell."""
        return () if self._identities is None else IDENTITY

    def told(self, table: pa.Table) -> pa.Table:
        """The table with one column more, which says of each row whether it is retracted."""
        answers: pa.Array | pa.ChunkedArray = (
            pa.array([False] * table.num_rows, pa.bool_())
            if self._identities is None
            else pc.is_in(_joined(table), value_set=self._identities)
        )
        return table.append_column(RETRACTED, answers)


def _joined(table: pa.Table) -> pa.ChunkedArray:
    texts = [table.column(name).cast(pa.string()) for name in IDENTITY]
    joined: pa.ChunkedArray = pc.binary_join_element_wise(*texts, SEPARATOR)
    return joined
