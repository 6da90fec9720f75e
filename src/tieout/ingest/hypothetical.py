"""Events that are in no log, laid out as if they were, so that an engine can say what they would change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tieout.contract.event_contract import EventContract
from tieout.ingest.event import Event
from tieout.ingest.layout import events_table, with_lanes
from tieout.table.layout import segment_schema


def as_if_stored(
    events: Sequence[Event], lanes: Sequence[tuple[int, int]], contract: EventContract, *, batch: int
) -> pa.Table:
    """Events of one contract version in the layout of the log's tail, as rows 0, 1, ... of `batch`."""
    body = events_table(events, range(len(events)), contract)
    body = with_lanes(body, np.array(lanes, dtype=np.uint64).reshape(-1, 2))
    numbers = pa.array(np.full(len(events), batch, dtype=np.int64))
    return pa.Table.from_arrays([numbers, *body.columns], schema=segment_schema(body.schema))
