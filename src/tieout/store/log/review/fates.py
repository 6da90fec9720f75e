"""What became of single received rows, told by the dispositions, which outlive bodies and key entries."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, Engine, select

from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant
from tieout.ports.review import BatchArrival, Fate, Repeats
from tieout.store.log import schema
from tieout.store.log.encoding import decode_dispositions
from tieout.table.position_words import position_of


def fates_of(connection: Connection, batch: int, rows: list[int]) -> list[Fate | None]:
    """The fate of each row of one batch; None where the batch received no such row."""
    batches = schema.batches.c
    query = select(batches.received, batches.dispositions).where(batches.number == batch)
    found = connection.execute(query).one_or_none()
    if found is None:
        return [None] * len(rows)
    dispositions = decode_dispositions(found.dispositions, f"the dispositions of batch {batch}")
    by_row = {int(each["row"]): each for each in dispositions[np.isin(dispositions["row"], rows)]}
    return [
        _fate(Position(batch, row), by_row.get(row)) if 0 <= row < found.received else None for row in rows
    ]


def all_fates(connection: Connection, batch: int) -> tuple[Fate, ...]:
    """Of every row that one batch received; none where there is no such batch."""
    batches = schema.batches.c
    query = select(batches.received, batches.dispositions).where(batches.number == batch)
    found = connection.execute(query).one_or_none()
    if found is None:
        return ()
    dispositions = decode_dispositions(found.dispositions, f"the dispositions of batch {batch}")
    by_row = {int(each["row"]): each for each in dispositions}
    return tuple(_fate(Position(batch, row), by_row.get(row)) for row in range(found.received))


def _fate(position: Position, told: np.void | None) -> Fate:
    if told is None:
        return Fate(position, Verdict.ACCEPTED, Reason.NONE, None)
    verdict = Verdict(int(told["verdict"]))
    original = None if verdict is Verdict.QUARANTINED else position_of(int(told["original"]))
    return Fate(position, verdict, Reason(int(told["reason"])), original)


def arrival_of(connection: Connection, batch: int) -> BatchArrival:
    batches = schema.batches.c
    row = connection.execute(select(batches.received_at, batches.origin).where(batches.number == batch)).one()
    return BatchArrival(Instant(row.received_at), row.origin)


def repeats_of(
    connection: Connection, original: Position, source: str, *, limit: int, after_batch: int | None = None
) -> Repeats:
    """Duplicates of an accepted event, in order. Only batches that received duplicates from its source are
    read: one blob of dispositions each, a few hundred microseconds.
    """
    tallies, batches = schema.tallies.c, schema.batches.c
    first = original.batch if after_batch is None else after_batch + 1
    with_duplicates = (
        select(tallies.batch)
        .where(tallies.batch >= first, tallies.source == source, tallies.verdict == int(Verdict.DUPLICATE))
        .distinct()
    )
    query = select(batches.number, batches.dispositions).where(batches.number.in_(with_duplicates))
    packed = np.uint64(original.batch << 32 | original.row)
    positions: list[Position] = []
    total = 0
    for number, blob in connection.execute(query.order_by(batches.number)):
        dispositions = decode_dispositions(blob, f"the dispositions of batch {number}")
        mine = dispositions["original"] == packed
        rows = dispositions["row"][mine & (dispositions["verdict"] == int(Verdict.DUPLICATE))]
        total += len(rows)
        positions += [Position(number, int(row)) for row in rows[: limit - len(positions)]]
    return Repeats(tuple(positions), total)


def sources_of(engine: Engine) -> tuple[str, ...]:
    """Every source that something was received from, however it was judged."""
    with engine.connect() as connection:
        found = connection.execute(select(schema.rates.c.source).distinct()).scalars()
        return tuple(sorted(found))
