"""Interim invoices: read for the next paper of their period, and counted again while that is sealed, so that
no usage is billed by two papers that did not know of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, exists, func, select

from tieout.evidence.stored import SealedRows
from tieout.evidence.stored_interims import InterimLine, StoredInterim
from tieout.invoice.earlier import EarlierLine, Scope
from tieout.invoice.invoice import KIND_FINAL, KIND_INTERIM
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.kernel.quantity import Quantity
from tieout.store.books import rows
from tieout.store.books.schema import charge, invoice, invoice_line
from tieout.store.books.schema_close import invoice_void
from tieout.store.sqlite import is_sqlite

NAMED_CUSTOMERS_MAX = 500
"""More customers than this are read by one query over all interim invoices."""
_STANDS = ~exists().where(invoice_void.c.invoice == invoice.c.id)


class PeriodMoved(ConflictError):
    """Another paper of the period was sealed or voided after this one was worked out; nothing was written."""

    code = "period-moved"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"Another paper of this period of {customer} was sealed or voided since it was drafted; nothing "
            "was recorded: run it again."
        )


@dataclass(frozen=True, slots=True)
class SqlInterims:
    """The port `InterimStore`."""

    engine: Engine

    def of(self, customers: Sequence[CustomerId]) -> dict[CustomerId, tuple[StoredInterim, ...]]:
        with self.engine.connect() as connection:
            return _of(connection, customers)


def check_period(connection: Connection, sealed: SealedRows) -> None:
    """Inside the transaction that seals a paper of a period that may have interim invoices: those that stand
    are those that were taken off, and an interim comes before the final. Raises `PeriodMoved`."""
    if sealed.interims_seen is None:
        return
    paper = sealed.invoice
    if not is_sqlite(connection):  # SQLite has one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"periods of {paper.customer}"))))
    standing = (
        select(invoice.c.id, invoice.c.kind)
        .where(invoice.c.customer == paper.customer)
        .where(invoice.c.period_start < paper.period.end, invoice.c.period_end > paper.period.start)
        .where(invoice.c.kind.in_((KIND_INTERIM, KIND_FINAL)), _STANDS)
    )
    found = connection.execute(standing).all()
    interims = frozenset(InvoiceId(row.id) for row in found if row.kind == KIND_INTERIM)
    ended = paper.kind == KIND_INTERIM and _is_final(connection, sealed)
    if interims != sealed.interims_seen or ended:
        raise PeriodMoved(paper.customer)


def _is_final(connection: Connection, sealed: SealedRows) -> bool:
    """Whether a final invoice of the same period stands."""
    paper = sealed.invoice
    query = (
        select(invoice.c.id)
        .where(invoice.c.customer == paper.customer, invoice.c.kind == KIND_FINAL, _STANDS)
        .where(invoice.c.period_start == paper.period.start, invoice.c.currency == paper.currency)
    )
    return connection.execute(query).first() is not None


def _of(
    connection: Connection, customers: Sequence[CustomerId]
) -> dict[CustomerId, tuple[StoredInterim, ...]]:
    papers = select(invoice, _STANDS.label("stands")).where(invoice.c.kind == KIND_INTERIM)
    papers = papers.order_by(invoice.c.customer, invoice.c.period_start, invoice.c.sequence)
    lines = (
        select(
            *(invoice.c.id.label("paper"), invoice.c.number, invoice.c.currency),
            *(charge.c.subscription, charge.c.price, charge.c.segment_start, charge.c.grouped_by),
            *(invoice_line.c.id, invoice_line.c.quantity, invoice_line.c.amount_minor),
        )
        .join(invoice_line, invoice_line.c.invoice == invoice.c.id)
        .join(charge, charge.c.id == invoice_line.c.charge)
        .where(invoice.c.kind == KIND_INTERIM)
        .order_by(invoice_line.c.id)
    )
    if len(customers) <= NAMED_CUSTOMERS_MAX:
        named = invoice.c.customer.in_(customers)
        papers, lines = papers.where(named), lines.where(named)
    wanted = frozenset(customers)
    settled: dict[str, list[InterimLine]] = {}
    for row in connection.execute(lines).mappings():
        settled.setdefault(row["paper"], []).append(_line(row))
    found: dict[CustomerId, list[StoredInterim]] = {}
    for row in connection.execute(papers).mappings():
        customer = CustomerId(row["customer"])
        if customer in wanted:
            interim = StoredInterim(
                rows.invoice_of(row), bool(row["stands"]), tuple(settled.get(row["id"], ()))
            )
            found.setdefault(customer, []).append(interim)
    return {customer: tuple(each) for customer, each in found.items()}


def _line(row: RowMapping) -> InterimLine:
    return InterimLine(
        Scope(
            SubscriptionId(row["subscription"]),
            PriceKey(row["price"]),
            Instant(row["segment_start"]),
            row["grouped_by"] or "",
        ),
        EarlierLine(
            LineId(row["id"]),
            InvoiceId(row["paper"]),
            row["number"],
            Quantity.parse(row["quantity"]),
            Money(row["amount_minor"], currency(row["currency"])),
        ),
    )
