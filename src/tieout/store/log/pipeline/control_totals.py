"""Control totals as rows: what a source stated, once for each of its statement ids."""

from __future__ import annotations

from sqlalchemy import Connection, Row, insert, select

from tieout.ingest.control_total import ControlTotal, parse_total
from tieout.kernel.ids import EventType
from tieout.kernel.instant import Instant
from tieout.ports import StoredControlTotal
from tieout.store.log import schema

C = schema.control_totals.c


def state_total(connection: Connection, stated: ControlTotal, *, at: Instant, by: str) -> StoredControlTotal:
    """Under the log's lock. The first statement of an id stays; what is stored is returned."""
    chosen = select(schema.control_totals).where(C.source == stated.source, C.statement_id == stated.id)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        connection.execute(insert(schema.control_totals).values(_row_of(stated, at, by)))
        row = connection.execute(chosen).one()
    return _total_of(row)


def list_totals(connection: Connection, source: str | None) -> tuple[StoredControlTotal, ...]:
    query = select(schema.control_totals).order_by(C.source, C.window_start, C.statement_id)
    if source is not None:
        query = query.where(C.source == source)
    return tuple(_total_of(row) for row in connection.execute(query))


def _row_of(stated: ControlTotal, at: Instant, by: str) -> dict[str, object]:
    return {
        "source": stated.source,
        "statement_id": stated.id,
        "type": stated.type,
        "window_start": stated.start,
        "window_end": stated.end,
        "events": stated.events,
        "field": stated.field,
        "total": None if stated.total is None else str(stated.total),
        "stated_at": at,
        "stated_by": by,
    }


def _total_of(row: Row[tuple[object, ...]]) -> StoredControlTotal:
    stated = ControlTotal(
        source=row.source,
        id=row.statement_id,
        type=EventType(row.type),
        start=Instant(row.window_start),
        end=Instant(row.window_end),
        events=row.events,
        field=row.field,
        total=None if row.total is None else parse_total(row.total),
    )
    return StoredControlTotal(stated, Instant(row.stated_at), row.stated_by)
