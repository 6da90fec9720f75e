"""How orderly each source sends: accepted events by hour, and those older than one accepted before them.

Kept in the committing transaction, for all sources of a batch at once. Retractions are no usage: they are
neither judged nor do they move what their source has reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from tieout.contract.retraction import is_built_in
from tieout.kernel.instant import Instant, hour_of
from tieout.store.log import schema
from tieout.store.log.prepare import Prepared

SOURCES_AT_ONCE: Final = 500
UNHEARD: Final = np.iinfo(np.int64).min
"""The newest time of a source that nothing was accepted from yet."""

Times = npt.NDArray[np.int64]


def record_arrivals(
    connection: Connection, prepared: Prepared, accepted: npt.NDArray[np.bool_], *, received_at: Instant
) -> None:
    """Counts a batch's accepted events (`accepted` (n,) in received order). Under the write lock."""
    built_in = [is_built_in(body.type) for body in prepared.bodies]
    counted = accepted & ~np.array([*built_in, False], dtype=np.bool_)[prepared.part]
    if not counted.any():
        return
    codes, sources = np.unique(prepared.sources[counted], return_inverse=True)
    names = [prepared.source_names[code] for code in codes]
    heads = _heads(connection, names)
    newest, out_of_order = judged(sources, prepared.times[counted], heads)
    hour = hour_of(received_at)
    totals = np.bincount(sources, minlength=len(names))
    _add(connection, names, hour, totals, out_of_order)
    moved = np.flatnonzero(newest > heads)
    _move(connection, [(names[place], int(newest[place])) for place in moved])


def judged(sources: npt.NDArray[np.intp], times: Times, heads: Times) -> tuple[Times, Times]:
    """For each source (its newest time, how many of its events are out of order), given events in the order
    in which they were accepted: `sources` (n,) index into `heads` (m,), the newest times before.
    """
    order = np.argsort(sources, kind="stable")
    starts = np.searchsorted(sources[order], np.arange(len(heads)))
    newest, late = heads.copy(), np.zeros(len(heads), dtype=np.int64)
    for place, own in enumerate(np.split(times[order], starts[1:])):
        reached = np.maximum.accumulate(np.concatenate([heads[place : place + 1], own]))
        newest[place] = reached[-1]
        late[place] = np.count_nonzero(own < reached[:-1])
    return newest, late


def _heads(connection: Connection, names: Sequence[str]) -> Times:
    heads = schema.source_heads.c
    known: dict[str, int] = {}
    for first in range(0, len(names), SOURCES_AT_ONCE):
        some = names[first : first + SOURCES_AT_ONCE]
        query = select(heads.source, heads.newest_time).where(heads.source.in_(some))
        known |= {row.source: row.newest_time for row in connection.execute(query)}
    return np.array([known.get(name, UNHEARD) for name in names], dtype=np.int64)


def _add(connection: Connection, names: Sequence[str], hour: int, totals: Times, late: Times) -> None:
    rows = [
        {"source": name, "hour": hour, "accepted": total, "out_of_order": out_of_order}
        for name, total, out_of_order in zip(names, totals.tolist(), late.tolist(), strict=True)
    ]
    arrivals = schema.arrivals
    statement = _insert(connection, arrivals)
    sums = {name: arrivals.c[name] + statement.excluded[name] for name in ("accepted", "out_of_order")}
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "hour"], set_=sums), rows)


def _move(connection: Connection, moved: Iterable[tuple[str, int]]) -> None:
    rows = [{"source": source, "newest_time": time} for source, time in moved]
    if rows:
        statement = _insert(connection, schema.source_heads)
        newest = {"newest_time": statement.excluded.newest_time}
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=newest), rows)


def _insert(connection: Connection, table: Table):  # type: ignore[no-untyped-def] # each dialect has a type of its own
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
