"""Movements of balances. They are only added, and only to the balances that whoever adds them has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select
from sqlalchemy.exc import IntegrityError

from tieout.balance.movement import Movement, MovementKind
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.entry import Entry
from tieout.store.books.ledger import add_entries
from tieout.store.books.recorded_order import recorded_in_order
from tieout.store.books.schema import movement
from tieout.store.books.writing import insert_rows, writing
from tieout.store.sqlite import is_sqlite

NAMED_CUSTOMERS_MAX = 500
"""More customers than this are read by one query over all movements."""


class BalancesMoved(ConflictError):
    """Somebody else moved the customer's balances after they were read; nothing was written."""

    code = "balances-moved"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"The balances of {customer} have moved since they were read; nothing was recorded: run it again."
        )


@dataclass(frozen=True, slots=True)
class SqlMovements:
    """The port `MovementStore`."""

    engine: Engine

    def of(self, customers: Sequence[CustomerId]) -> dict[CustomerId, tuple[Movement, ...]]:
        query = select(movement).order_by(movement.c.customer, movement.c.effective_at, movement.c.id)
        if len(customers) <= NAMED_CUSTOMERS_MAX:
            query = query.where(movement.c.customer.in_(customers))
        wanted = frozenset(customers)
        found: dict[CustomerId, list[Movement]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(query).mappings():
                if row["customer"] in wanted:
                    found.setdefault(CustomerId(row["customer"]), []).append(_movement(row))
        return {customer: tuple(each) for customer, each in found.items()}

    def find(self, movement_id: str) -> Movement | None:
        query = select(movement).where(movement.c.id == movement_id)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _movement(row)

    def record(self, movements: Sequence[Movement], *, seen: int, entries: Sequence[Entry] = ()) -> None:
        try:
            with writing(self.engine) as connection:
                movements = recorded_in_order(connection, movements)
                add_movements(connection, movements, seen=seen)
                booked_at = movements[0].recorded_at
                assert booked_at is not None, "who records knows when"
                add_entries(connection, entries, booked_at=booked_at)
        except IntegrityError as error:  # the id was taken for another customer at this very moment
            raise BalancesMoved(movements[0].customer) from error


def add_movements(connection: Connection, movements: Sequence[Movement], *, seen: int) -> None:
    """Inside a write transaction: all of one customer, who had `seen` movements. Raises `BalancesMoved`.

    Movements are never removed, so their number says whether there are new ones.
    """
    if not movements:
        return
    customer = movements[0].customer
    if not is_sqlite(connection):  # SQLite has one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"balances of {customer}"))))
    count = select(func.count()).select_from(movement).where(movement.c.customer == customer)
    if connection.execute(count).scalar_one() != seen:
        raise BalancesMoved(customer)
    insert_rows(connection, movement, [_row(each) for each in movements])


def _row(each: Movement) -> dict[str, str | int | None]:
    assert each.recorded_at is not None, "who records knows when"
    return {
        "id": each.id,
        "customer": each.customer,
        "account": each.account,
        "currency": each.amount.currency.code,
        "kind": each.kind.value,
        "amount_minor": each.amount.minor,
        "invoice": each.invoice,
        "effective_at": each.effective_at,
        "recorded_at": each.recorded_at,
        "person": each.person,
        "reason": each.reason,
        "details": each.details,
    }


def _movement(row: RowMapping) -> Movement:
    return Movement(
        id=row["id"],
        customer=CustomerId(row["customer"]),
        account=row["account"],
        kind=MovementKind(row["kind"]),
        amount=Money(row["amount_minor"], currency(row["currency"])),
        effective_at=Instant(row["effective_at"]),
        reason=row["reason"],
        invoice=None if row["invoice"] is None else InvoiceId(row["invoice"]),
        person=row["person"],
        details=row["details"],
        recorded_at=Instant(row["recorded_at"]),
    )
