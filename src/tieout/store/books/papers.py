"""How many papers of a customer stand or were voided, and what was recorded of its disputes: who corrects,
credits or disputes must have seen them all, so that nothing is credited or disputed twice by two at once."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from tieout.evidence.stored import SealedRows
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId
from tieout.ports.disputes import DisputesMoved
from tieout.store.books.schema import invoice
from tieout.store.books.schema_close import correction_billed, invoice_void
from tieout.store.books.schema_dispute import dispute_event
from tieout.store.books.writing import insert_rows
from tieout.store.sqlite import is_sqlite


class PapersMoved(ConflictError):
    """A paper of the customer was sealed or voided after they were read; nothing was written."""

    code = "papers-moved"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"A paper of {customer} was sealed or voided since they were read; nothing was recorded: run it "
            "again."
        )


def count_papers(connection: Connection, customer: CustomerId) -> int:
    """Sealed papers and voids of the customer; none of them ever goes away."""
    sealed = select(func.count()).select_from(invoice).where(invoice.c.customer == customer)
    voided = (
        select(func.count()).select_from(invoice_void.join(invoice)).where(invoice.c.customer == customer)
    )
    counts: list[int] = [connection.execute(query).scalar_one() for query in (sealed, voided)]
    return sum(counts)


def check_papers(connection: Connection, customer: CustomerId, *, seen: int) -> None:
    """Inside a write transaction. Raises `PapersMoved`."""
    _one_at_a_time(connection, customer)
    if count_papers(connection, customer) != seen:
        raise PapersMoved(customer)


def count_disputed(connection: Connection, customer: CustomerId) -> int:
    """What was recorded of the customer's disputes; none of it ever goes away."""
    query = select(func.count()).select_from(dispute_event).where(dispute_event.c.customer == customer)
    found: int = connection.execute(query).scalar_one()
    return found


def check_disputed(connection: Connection, customer: CustomerId, *, seen: int) -> None:
    """Inside a write transaction. Raises `DisputesMoved`."""
    _one_at_a_time(connection, customer)
    if count_disputed(connection, customer) != seen:
        raise DisputesMoved(customer)


def _one_at_a_time(connection: Connection, customer: CustomerId) -> None:
    if not is_sqlite(connection):  # SQLite has one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"papers of {customer}"))))


def add_corrects(connection: Connection, sealed: SealedRows) -> None:
    """Which reports and periods the paper carries."""
    rows = [
        {
            "digest": digest,
            "invoice": sealed.invoice.id,
            "customer": sealed.invoice.customer,
            "period_start": period.start,
            "period_end": period.end,
        }
        for digest, period in sealed.corrects
    ]
    if rows:
        insert_rows(connection, correction_billed, rows)
