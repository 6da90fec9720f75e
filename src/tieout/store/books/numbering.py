"""Gapless numbers: a number is taken inside the transaction that seals, so a rollback gives it back."""

from __future__ import annotations

from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from tieout.store.books.schema import number_series
from tieout.store.sqlite import is_sqlite


def next_number(connection: Connection, series: str) -> int:
    """The next number of the series, from 1; the series stays locked until the transaction ends."""
    taken = (
        update(number_series)
        .where(number_series.c.series == series)
        .values(last_number=number_series.c.last_number + 1)
        .returning(number_series.c.last_number)
    )
    number: int | None = connection.execute(taken).scalar_one_or_none()
    if number is None:
        insert = sqlite_insert if is_sqlite(connection) else postgresql_insert
        first_use = insert(number_series).values(series=series, last_number=0).on_conflict_do_nothing()
        connection.execute(first_use)
        number = connection.execute(taken).scalar_one()
    assert number is not None, "the series was there or is now"
    return number
