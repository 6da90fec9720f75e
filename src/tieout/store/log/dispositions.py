"""The two sides of law L1 as the log's tables hold them: what commits counted, and what they kept.

Accepted events are not in these tables; whoever compares reads them from segments and bodies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from sqlalchemy import Engine, func, select

from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant, hour_of
from tieout.ports.dispositions import BATCHES, COUNTS, DUPLICATES, Dispositions
from tieout.store.log import schema
from tieout.store.log.encoding import decode_dispositions

BATCHES_AT_ONCE = 5_000
"""A read lasts no longer than one page."""


def dispositions(engine: Engine, upto: Watermark) -> Dispositions:
    """Of every batch up to `upto`. Raises `DamagedBody`."""
    received: list[Sequence[object]] = []
    kept: list[Sequence[object]] = []
    batches: list[tuple[int, int, int, int]] = []
    duplicates: list[pa.Table] = []
    for first in range(1, upto + 1, BATCHES_AT_ONCE):
        last = min(first + BATCHES_AT_ONCE - 1, upto)
        told, stored, rows = _page(engine, first, last)
        received += told
        hours = {number: hour_of(Instant(received_at)) for number, received_at, *_ in rows}
        kept += [(batch, source, hours.get(batch, 0), verdict, n) for batch, source, verdict, n in stored]
        for number, _, count, accepted, blob in rows:
            found = decode_dispositions(blob, f"the dispositions of batch {number}")
            batches.append((number, hours[number], count, len(found)))
            if count != accepted:
                duplicates += _duplicates(number, hours[number], found)
    return Dispositions(
        _table(received, COUNTS),
        _table(kept, COUNTS),
        pa.concat_tables([DUPLICATES.empty_table(), *duplicates]),
        _table(batches, BATCHES),
    )


def _page(engine: Engine, first: int, last: int):  # type: ignore[no-untyped-def] # rows of three queries
    told, kept, batches = schema.tallies.c, schema.quarantine.c, schema.batches.c
    counts = (told.batch, told.source, told.hour, told.verdict)
    received = select(*counts, func.sum(told["items"])).where(told.batch.between(first, last))
    items = (kept.batch, kept.source, kept.verdict)
    stored = select(*items, func.count()).where(kept.batch.between(first, last)).group_by(*items)
    columns = (batches.number, batches.received_at, batches.received, batches.accepted, batches.dispositions)
    rows = select(*columns).where(batches.number.between(first, last)).order_by(batches.number)
    with engine.connect() as connection:
        return (
            [(*row[:4], int(row[4])) for row in connection.execute(received.group_by(*counts))],
            [tuple(row) for row in connection.execute(stored)],
            [tuple(row) for row in connection.execute(rows)],
        )


def _duplicates(number: int, hour: int, found: np.ndarray) -> Iterator[pa.Table]:
    own = found[found["verdict"] == Verdict.DUPLICATE]
    if len(own):
        first = own["original"]
        yield pa.table(
            [
                np.full(len(own), number, np.int64),
                np.full(len(own), hour, np.int64),
                (first >> np.uint64(32)).astype(np.int64),
                (first & np.uint64(0xFFFFFFFF)).astype(np.int32),
            ],
            schema=DUPLICATES,
        )


def _table(rows: Sequence[Sequence[object]], columns: pa.Schema) -> pa.Table:
    if not rows:
        return columns.empty_table()
    return pa.table(
        [pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), columns, strict=True)],
        schema=columns,
    )
