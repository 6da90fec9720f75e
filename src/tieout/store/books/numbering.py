"""Gapless numbers: they are taken inside the transaction that seals, so a rollback gives them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from tieout.store.books.schema import number_series
from tieout.store.sqlite import is_sqlite


def lock_series(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The last number that each series has given, 0 for a new one; nobody else takes any of them until the
    transaction ends. Several are locked in one order, so that two closes never wait for each other.
    """
    wanted = sorted(set(names))
    query = select(number_series).where(number_series.c.series.in_(wanted)).order_by(number_series.c.series)
    locking = query.with_for_update()
    found = {row.series: row.last_number for row in connection.execute(locking)}
    if len(found) < len(wanted):
        insert = sqlite_insert if is_sqlite(connection) else postgresql_insert
        first_use = [{"series": name, "last_number": 0} for name in wanted if name not in found]
        connection.execute(insert(number_series).on_conflict_do_nothing(), first_use)
        found = {row.series: row.last_number for row in connection.execute(locking)}
    return found


def record_numbers(connection: Connection, last: Mapping[str, int]) -> None:
    """The last number of each series that was locked, once the invoices have theirs."""
    taken = (
        update(number_series)
        .where(number_series.c.series == bindparam("name"))
        .values(last_number=bindparam("last"))
    )
    connection.execute(taken, [{"name": name, "last": number} for name, number in last.items()])
