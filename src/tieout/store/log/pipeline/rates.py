"""The rates: the tallies of all batches, added up by source and hour in the commit that adds a batch.

They are made of the very rows that the batch's tallies are, by one statement that means the same on both
databases. Whoever commits holds the head, so two never add to one row at once.
"""

from __future__ import annotations

from sqlalchemy import Connection, Row, text

KEEP = text(
    "INSERT INTO rates (hour, source, verdict, reason, items) "
    "SELECT hour, source, verdict, reason, items FROM tallies WHERE batch = :batch "
    "ON CONFLICT (hour, source, verdict, reason) DO UPDATE SET items = rates.items + excluded.items"
)
DIFFERING = text(
    "SELECT source, hour, verdict, reason, sum(told) AS told, sum(kept) AS kept FROM ("
    "SELECT source, hour, verdict, reason, items AS told, 0 AS kept FROM tallies "
    "UNION ALL SELECT source, hour, verdict, reason, 0, items FROM rates) AS both_of_them "
    "GROUP BY source, hour, verdict, reason HAVING sum(told) <> sum(kept) "
    "ORDER BY source, hour, verdict, reason"
)
"""One statement, so that both sides are of one moment."""


def keep_rates(connection: Connection, batch: int) -> None:
    """Adds a batch's tallies, which the same transaction has written."""
    connection.execute(KEEP, {"batch": batch})


def differing_rates(connection: Connection) -> list[Row[tuple[object, ...]]]:
    """The rates that are not the sum of the tallies: source, hour, verdict, reason, told, kept."""
    return list(connection.execute(DIFFERING))
