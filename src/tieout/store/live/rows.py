"""The rows of `live-N.db`: what is read and written of them inside one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from tieout.aggregate.accumulation import Accumulation
from tieout.ports.live import DamagedLiveUsage, LiveMark, RequestDigest, StandingChange, StandingRow
from tieout.store.live import schema
from tieout.store.live.state_text import group_name, group_text, parse_group, state_text

NAMES_AT_ONCE: Final = 500
"""Bound in one statement; SQLite takes 32,766."""
Item = TypeVar("Item")


_STATES: Final = select(schema.standing.c.id, schema.standing.c.digest, schema.standing.c.state).where(
    schema.standing.c.digest.in_(bindparam("digests", expanding=True)), schema.standing.c.state.is_not(None)
)
"""Made once: making a statement costs more than running it."""


def states(connection: Connection, digests: Sequence[RequestDigest]) -> Sequence[Row[Any]]:
    return connection.execute(_STATES, {"digests": digests}).all()


def read_groups(
    connection: Connection, number: int, digest: RequestDigest, one: Accumulation, expected: int
) -> None:
    query = select(schema.groups).where(schema.groups.c.standing == number)
    found = [parse_group(digest, row.name, row.state) for row in connection.execute(query)]
    if len(found) != expected:
        raise DamagedLiveUsage
    one.groups = {group.order: group for group in found}


def ids_of(connection: Connection, digests: Sequence[RequestDigest]) -> dict[RequestDigest, int]:
    table = schema.standing
    found: dict[RequestDigest, int] = {}
    for some in pieces(digests):
        query = select(table.c.digest, table.c.id).where(table.c.digest.in_(some))
        found |= {row.digest: row.id for row in connection.execute(query)}
    return found


def write_states(
    connection: Connection,
    ids: Mapping[RequestDigest, int],
    changes: Sequence[StandingChange],
    mark: LiveMark,
) -> None:
    if not changes:
        return
    table = schema.standing
    statement = (
        table.update()
        .where(table.c.id == bindparam("number"))
        .values(state=bindparam("written"), changed=bindparam("at"))
    )
    connection.execute(
        statement,
        [
            {
                "number": ids[change.digest],
                "written": state_text(change.digest, change.accumulation),
                "at": mark.watermark,
            }
            for change in changes
        ],
    )


def write_groups(connection: Connection, number: int, change: StandingChange) -> None:
    table, one = schema.groups, change.accumulation
    named = change.groups
    if named is None:
        connection.execute(delete(table).where(table.c.standing == number))
        named = set(one.groups)
    kept = [one.groups[key] for key in named if key in one.groups]
    rows = [
        {"standing": number, "name": group_name(group), "state": group_text(change.digest, group)}
        for group in kept
    ]
    if rows:
        statement = upsert(table)
        connection.execute(statement.on_conflict_do_update(set_={"state": statement.excluded.state}), rows)
    for group in change.groups_gone:
        if group.order not in one.groups:
            gone = table.c.name == group_name(group)
            connection.execute(delete(table).where(table.c.standing == number, gone))


def write_texts(connection: Connection, number: int, change: StandingChange) -> None:
    table, one = schema.texts, change.accumulation
    named = change.texts
    if named is None:
        connection.execute(delete(table).where(table.c.standing == number))
        named = set(one.texts)
    rows = [
        {"standing": number, "text": text, "times": one.texts[text]} for text in named if text in one.texts
    ]
    if rows:
        statement = upsert(table)
        connection.execute(statement.on_conflict_do_update(set_={"times": statement.excluded.times}), rows)
    for text in named:
        if text not in one.texts:
            connection.execute(delete(table).where(table.c.standing == number, table.c.text == text))


def standing_row(number: int, row: StandingRow, one: Accumulation, mark: LiveMark) -> dict[str, object]:
    return {
        "id": number,
        "digest": row.digest,
        "customer": row.customer,
        "subscription": row.subscription,
        "meter": row.meter,
        "meter_version": row.meter_version,
        "meter_digest": row.meter_digest,
        "period_start": row.period.start,
        "period_end": row.period.end,
        "breakdown": row.breakdown,
        "state": state_text(row.digest, one),
        "changed": mark.watermark,
    }


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def pieces(items: Sequence[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while piece := list(islice(left, NAMES_AT_ONCE)):
        yield piece
