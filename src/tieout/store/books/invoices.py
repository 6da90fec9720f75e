"""Sealed invoices with their snapshots, charges and lines: written once, in one transaction per invoice.

The unique key of `invoice` is law L11: whoever comes second, in another process or after a crash, writes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, exists, insert, select
from sqlalchemy.exc import IntegrityError

from tieout.evidence.stored import SealedRows, StoredEvidence, StoredInvoice, StoredSnapshot
from tieout.invoice.invoice import KIND_FINAL, InvoiceKey
from tieout.kernel.ids import CustomerId, LineId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.store.books import rows
from tieout.store.books.decisions import check_decisions, while_nobody_decides
from tieout.store.books.movements import add_movements
from tieout.store.books.numbering import next_number
from tieout.store.books.schema import charge, invoice, invoice_line, number_series, snapshot
from tieout.store.books.schema_close import invoice_void
from tieout.store.books.writing import writing
from tieout.store.crash import crash_point

_LISTED_SNAPSHOT = [column for column in snapshot.c if column.name != "groups"]
STANDS = ~exists().where(invoice_void.c.invoice == invoice.c.id)
"""Of an invoice that was not voided."""
_LISTED = [column for column in invoice.c if column.name != "document"]


@dataclass(frozen=True, slots=True)
class SqlInvoices:
    """The port `InvoiceStore`."""

    engine: Engine

    def sealed(self, customer: CustomerId | None = None) -> tuple[StoredInvoice, ...]:
        query = select(*_LISTED).order_by(invoice.c.customer, invoice.c.period_start, invoice.c.number)
        if customer is not None:
            query = query.where(invoice.c.customer == customer)
        with self.engine.connect() as connection:
            found = connection.execute(query).mappings().all()
        return tuple(rows.invoice_of(row) for row in found)

    def find(self, id_or_number: str) -> StoredInvoice | None:
        query = select(invoice).where((invoice.c.id == id_or_number) | (invoice.c.number == id_or_number))
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.invoice_of(row)

    def evidence(self, line: LineId) -> StoredEvidence | None:
        with self.engine.connect() as connection:
            return _evidence(connection, line)

    def snapshots(self, customer: CustomerId | None = None) -> tuple[StoredSnapshot, ...]:
        query = select(*_LISTED_SNAPSHOT).join(invoice, snapshot.c.invoice == invoice.c.id).where(STANDS)
        query = query.order_by(invoice.c.sealed_at, snapshot.c.watermark, snapshot.c.invoice, snapshot.c.id)
        if customer is not None:
            query = query.where(snapshot.c.customer == customer)
        with self.engine.connect() as connection:
            found = connection.execute(query).mappings().all()
        last = {_window(row): row for row in found}
        ordered = sorted(last.values(), key=lambda row: (row["invoice"], row["id"]))
        return tuple(rows.snapshot_of(row) for row in ordered)

    def billed(self) -> dict[SubscriptionId, tuple[Period, ...]]:
        columns = (charge.c.subscription, invoice.c.period_start, invoice.c.period_end)
        query = select(*columns).join(invoice, charge.c.invoice == invoice.c.id)
        query = query.join(invoice_line, invoice_line.c.charge == charge.c.id)
        query = query.where(STANDS, invoice.c.kind == KIND_FINAL, invoice_line.c.correction.is_(None))
        with self.engine.connect() as connection:
            found = connection.execute(query.distinct().order_by(*columns)).all()
        periods: dict[SubscriptionId, list[Period]] = {}
        for subscription, start, end in found:
            periods.setdefault(SubscriptionId(subscription), []).append(Period(Instant(start), Instant(end)))
        return {subscription: tuple(each) for subscription, each in periods.items()}

    def last_numbers(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            found = connection.execute(select(number_series.c.series, number_series.c.last_number)).all()
        return {row.series: row.last_number for row in found}

    def seal(
        self, key: InvoiceKey, *, series: str, run: int, issue: Callable[[int], SealedRows]
    ) -> StoredInvoice | None:
        try:
            with writing(self.engine) as connection:
                while_nobody_decides(connection)
                if _is_sealed(connection, key):
                    return None
                number = next_number(connection, series)
                crash_point("seal-after-number")
                sealed = issue(number)
                check_decisions(connection, [sealed])
                _write(connection, sealed, run)
                crash_point("seal-before-commit")
        except IntegrityError:
            # PostgreSQL lets two closers get this far; the unique key lets one through, the other rolls back
            with self.engine.connect() as connection:
                if _is_sealed(connection, key):
                    return None
            raise
        crash_point("seal-after-commit")
        return sealed.invoice


def _window(row: RowMapping) -> tuple[object, ...]:
    """What a snapshot measures, however often."""
    names = ("subscription", "meter", "meter_version", "period_start", "period_end")
    return tuple(row[name] for name in names)


def _evidence(connection: Connection, line: LineId) -> StoredEvidence | None:
    line_found = (
        connection.execute(select(invoice_line).where(invoice_line.c.id == line)).mappings().one_or_none()
    )
    if line_found is None:
        return None
    stored_line = rows.line_of(line_found)
    charge_row = connection.execute(select(charge).where(charge.c.id == stored_line.charge)).mappings().one()
    stored_charge = rows.charge_of(charge_row)
    invoice_row = (
        connection.execute(select(invoice).where(invoice.c.id == stored_line.invoice)).mappings().one()
    )
    measured = None
    if stored_charge.snapshot is not None:
        query = select(snapshot).where(snapshot.c.id == stored_charge.snapshot)
        measured = rows.snapshot_of(connection.execute(query).mappings().one())
    return StoredEvidence(stored_line, stored_charge, measured, rows.invoice_of(invoice_row))


def _is_sealed(connection: Connection, key: InvoiceKey) -> bool:
    return connection.execute(select(invoice.c.id).where(_matches(key))).first() is not None


def _matches(key: InvoiceKey) -> ColumnElement[bool]:
    return and_(
        invoice.c.customer == key.customer,
        invoice.c.period_start == key.period.start,
        invoice.c.period_end == key.period.end,
        invoice.c.series == key.series,
        invoice.c.currency == key.currency,
        invoice.c.kind == key.kind,
        invoice.c.sequence == key.sequence,
    )


def _write(connection: Connection, sealed: SealedRows, run: int) -> None:
    connection.execute(insert(invoice), rows.invoice_row(sealed.invoice, run))
    if sealed.snapshots:
        connection.execute(insert(snapshot), [rows.snapshot_row(row) for row in sealed.snapshots])
    if sealed.charges:
        connection.execute(insert(charge), [rows.charge_row(row) for row in sealed.charges])
        connection.execute(insert(invoice_line), [rows.line_row(row) for row in sealed.lines])
    add_movements(connection, sealed.movements, seen=sealed.movements_seen)
