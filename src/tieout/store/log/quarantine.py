"""Queries over what was not accepted, and over the numbers of law L1."""

from __future__ import annotations

from sqlalchemy import Engine, Row, func, literal, select

from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant
from tieout.ports import QuarantinedItem, Tally
from tieout.store.log import schema

Q = schema.quarantine.c
LISTED = (
    Q.batch, Q.row, Q.verdict, Q.reason, Q.field, Q.detail, Q.source, Q.event_id, Q.origin, Q.line,
    Q.received_at, Q.original_batch, Q.original_row, Q.reading,
)  # fmt: skip


def list_items(engine: Engine, *, reason: Reason | None, limit: int) -> tuple[QuarantinedItem, ...]:
    """In the order of arrival, without their bytes."""
    query = select(*LISTED, literal(b"").label("raw")).order_by(Q.batch, Q.row).limit(limit)
    if reason is not None:
        query = query.where(Q.reason == int(reason))
    with engine.connect() as connection:
        return tuple(item_of(row) for row in connection.execute(query))


def find_item(engine: Engine, position: Position) -> QuarantinedItem | None:
    """One item with its bytes."""
    query = select(*LISTED, Q.raw).where(Q.batch == position.batch, Q.row == position.row)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else item_of(row)


def list_tallies(engine: Engine) -> tuple[Tally, ...]:
    """Received items by source, hour, verdict and reason, over all batches."""
    tallies = schema.tallies.c
    keys = (tallies.source, tallies.hour, tallies.verdict, tallies.reason)
    query = select(*keys, func.sum(tallies["items"])).group_by(*keys).order_by(*keys)
    with engine.connect() as connection:
        return tuple(
            Tally(source, Instant(hour), Verdict(verdict), Reason(reason), int(items))
            for source, hour, verdict, reason, items in connection.execute(query)
        )


def item_of(row: Row[tuple[object, ...]]) -> QuarantinedItem:
    """The record of a row that has the LISTED columns and `raw`."""
    original = None if row.original_batch is None else Position(row.original_batch, row.original_row)
    return QuarantinedItem(
        position=Position(row.batch, row.row),
        verdict=Verdict(row.verdict),
        reason=Reason(row.reason),
        field=row.field,
        detail=row.detail,
        source=row.source,
        event_id=row.event_id,
        origin=row.origin,
        line=row.line,
        received_at=Instant(row.received_at),
        original=original,
        raw=row.raw,
        reading=row.reading,
    )
