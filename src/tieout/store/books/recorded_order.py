"""What is recorded of a customer's balances and papers that stand on others is recorded after those, also
where the clock has stepped back since: whoever works a paper out again asks by these instants what was
known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from tieout.balance.movement import Movement
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.store.books.schema import invoice, movement
from tieout.store.books.schema_dispute import dispute_event


def recorded_in_order(connection: Connection, movements: Sequence[Movement]) -> list[Movement]:
    """Movements of one customer that no paper made, recorded after the others and after its papers. Since
    when they count stays what it is."""
    at = movements[0].recorded_at
    assert at is not None, "who records knows when"
    customer = movements[0].customer
    after = recorded_since(connection, [customer], at, papers_too=True).get(customer, at)
    return [replace(each, recorded_at=after) for each in movements]


def recorded_since(
    connection: Connection, customers: Iterable[CustomerId], since: Instant, *, papers_too: bool
) -> dict[CustomerId, Instant]:
    """The first instant after what is recorded; only of customers of whom something is, after `since`.
    `papers_too`: papers, and disputes of them, which ask what was given back since they were opened."""
    found: dict[CustomerId, Instant] = {}
    chosen = sorted(customers)
    moved, sealed = (movement, movement.c.recorded_at), (invoice, invoice.c.sealed_at)
    disputed = (dispute_event, dispute_event.c.recorded_at)
    for table, at in (moved, sealed, disputed) if papers_too else (moved,):
        query = select(table.c.customer, func.max(at)).where(table.c.customer.in_(chosen), at > since)
        for customer, last in connection.execute(query.group_by(table.c.customer)):
            found[customer] = Instant(max(last + 1, found.get(customer, 0)))
    return found
