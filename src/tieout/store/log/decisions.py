"""Queries over quarantined items with what was decided about them, and the decisions themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine, Row, Select, and_, func, insert, literal, null, select, tuple_

from tieout.ingest.reason import Reason
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant
from tieout.ports import QuarantinedItem
from tieout.ports.review import (
    AlreadyDecided,
    Decision,
    ItemOutcome,
    ItemState,
    QuarantineGroup,
    QuarantineQuery,
    ReviewedItem,
)
from tieout.store.log import schema
from tieout.store.log.quarantine import LISTED, item_of
from tieout.store.log.turn import turn_among_commits

POSITIONS_PER_QUERY = 400
"""SQLite takes 32,766 parameters at most; smaller statements are planned faster."""

Q = schema.quarantine.c
O = schema.quarantine_outcomes.c  # noqa: E741 - beside Q
OUTCOME = (O.outcome, O.person, O.reason.label("why"), O.decided_at, O.new_batch, O.new_row)
JOINED = schema.quarantine.outerjoin(schema.quarantine_outcomes, and_(Q.batch == O.batch, Q.row == O.row))


def list_reviewed(engine: Engine, query: QuarantineQuery) -> tuple[ReviewedItem, ...]:
    """In the order of arrival, without their bytes."""
    wanted = _filtered(select(*LISTED, literal(b"").label("raw"), *OUTCOME).select_from(JOINED), query)
    if query.after is not None:
        wanted = wanted.where(tuple_(Q.batch, Q.row) > tuple_(query.after.batch, query.after.row))
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(Q.batch, Q.row).limit(query.limit)).all()
    return tuple(_reviewed(row) for row in rows)


def grouped(engine: Engine, query: QuarantineQuery) -> tuple[QuarantineGroup, ...]:
    """Counts and ends by reason, source and field; the example is the earliest item that the query means."""
    keys = (Q.reason, Q.source, Q.field)
    first_batch = func.min(Q.batch).label("first_batch")
    ends = (
        func.count().label("items"),
        func.min(Q.received_at).label("first_at"),
        func.max(Q.received_at).label("last_at"),
    )
    wanted = _filtered(select(*keys, *ends, first_batch).select_from(JOINED), query).group_by(*keys)
    found = []
    with engine.connect() as connection:
        for row in connection.execute(wanted).all():
            same = Q.field.is_(None) if row.field is None else Q.field == row.field
            example = _filtered(select(func.min(Q.row)).select_from(JOINED), query).where(
                Q.batch == row.first_batch, Q.reason == row.reason, Q.source == row.source, same
            )
            position = Position(row.first_batch, connection.execute(example).scalar_one())
            found.append(
                QuarantineGroup(
                    Reason(row.reason),
                    row.source,
                    row.field,
                    int(row.items),
                    Instant(row.first_at),
                    Instant(row.last_at),
                    position,
                )
            )
    return tuple(
        sorted(found, key=lambda group: (-group.items, group.reason, group.source, group.field or ""))
    )


def find_reviewed(engine: Engine, position: Position) -> ReviewedItem | None:
    """One item with its bytes."""
    query = (
        select(*LISTED, Q.raw, *OUTCOME)
        .select_from(JOINED)
        .where(Q.batch == position.batch, Q.row == position.row)
    )
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return _reviewed(row, released_from(connection, position))


def items_of_identity(engine: Engine, event_id: str, source: str | None) -> tuple[ReviewedItem, ...]:
    """Quarantined items and conflicts of one id, without their bytes."""
    query = select(*LISTED, literal(b"").label("raw"), *OUTCOME).select_from(JOINED)
    query = query.where(Q.event_id == event_id).order_by(Q.batch, Q.row)
    if source is not None:
        query = query.where(Q.source == source)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
        return tuple(_reviewed(row, released_from(connection, Position(row.batch, row.row))) for row in rows)


def released_from(connection: Connection, position: Position) -> Position | None:
    """The item whose release arrived at a position."""
    query = select(O.batch, O.row).where(O.new_batch == position.batch, O.new_row == position.row)
    row = connection.execute(query).one_or_none()
    return None if row is None else Position(row.batch, row.row)


def released_from_any(connection: Connection, positions: Sequence[Position]) -> list[Position]:
    """The items whose releases arrived at any of these positions."""
    found: list[Position] = []
    for start in range(0, len(positions), POSITIONS_PER_QUERY):
        some = [(each.batch, each.row) for each in positions[start : start + POSITIONS_PER_QUERY]]
        query = select(O.batch, O.row).where(tuple_(O.new_batch, O.new_row).in_(some))
        found += [Position(batch, row) for batch, row in connection.execute(query)]
    return found


def equal_rows_before(engine: Engine, item: QuarantinedItem) -> int:
    """Earlier lines of the item's file with the same bytes, however often the file was read."""
    raw = select(Q.raw).where(Q.batch == item.position.batch, Q.row == item.position.row).scalar_subquery()
    query = select(func.count(func.distinct(Q.line))).where(
        Q.origin == item.origin,
        Q.source == item.source,
        Q.reason == int(item.reason),
        Q.line < item.line,
        Q.raw == raw,
    )
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def record_releases(
    connection: Connection, new: Iterable[tuple[Position, Position]], decision: Decision
) -> None:
    """(item, where it arrived again). The log's write lock is held. Raises `AlreadyDecided`."""
    pairs = list(new)
    refuse_decided(connection, [item for item, _ in pairs])
    rows = [
        {**_row(item, ItemState.RELEASED, decision), "new_batch": where.batch, "new_row": where.row}
        for item, where in pairs
    ]
    connection.execute(insert(schema.quarantine_outcomes), rows)


def record_discards(engine: Engine, folder: Path, items: Sequence[Position], decision: Decision) -> None:
    """All of them or, where one was decided about, none. Raises `AlreadyDecided`."""
    with turn_among_commits(engine, folder) as connection:  # as a release has it
        refuse_decided(connection, items)
        rows = [_row(item, ItemState.DISCARDED, decision) for item in items]
        connection.execute(insert(schema.quarantine_outcomes), rows)


def refuse_decided(connection: Connection, items: Sequence[Position]) -> None:
    found: list[ItemOutcome] = []
    for start in range(0, len(items), POSITIONS_PER_QUERY):
        some = [(item.batch, item.row) for item in items[start : start + POSITIONS_PER_QUERY]]
        query = select(O.batch, O.row, *OUTCOME).where(tuple_(O.batch, O.row).in_(some))
        found += [outcome for row in connection.execute(query) if (outcome := _outcome(row)) is not None]
    if found:
        raise AlreadyDecided(sorted(found, key=lambda outcome: outcome.item))


def _row(item: Position, state: ItemState, decision: Decision) -> dict[str, object]:
    return {
        "batch": item.batch,
        "row": item.row,
        "outcome": state.value,
        "person": decision.person,
        "reason": decision.reason,
        "decided_at": decision.decided_at,
        "new_batch": None,
        "new_row": None,
    }


def _filtered(wanted: Select[tuple[object, ...]], query: QuarantineQuery) -> Select[tuple[object, ...]]:
    if query.reason is not None:
        wanted = wanted.where(Q.reason == int(query.reason))
    if query.source is not None:
        wanted = wanted.where(Q.source == query.source)
    if query.field is not None:
        wanted = wanted.where(Q.field == query.field)
    if query.since is not None:
        wanted = wanted.where(Q.received_at >= query.since)
    if query.state is ItemState.OPEN:
        wanted = wanted.where(O.outcome == null())
    elif query.state is not None:
        wanted = wanted.where(O.outcome == query.state.value)
    return wanted


def _reviewed(row: Row[tuple[object, ...]], came_from: Position | None = None) -> ReviewedItem:
    return ReviewedItem(item_of(row), _outcome(row), came_from)


def _outcome(row: Row[tuple[object, ...]]) -> ItemOutcome | None:
    if row.outcome is None:
        return None
    return ItemOutcome(
        Position(row.batch, row.row),
        ItemState(row.outcome),
        Decision(row.person, row.why, Instant(row.decided_at)),
        None if row.new_batch is None else Position(row.new_batch, row.new_row),
    )
