"""Delta reports and their approvals, the lines that corrections start from, and voided papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select
from sqlalchemy.exc import IntegrityError

from tieout.balance.movement import Movement
from tieout.contract.document import Document
from tieout.evidence.stored import StoredInvoice
from tieout.evidence.stored_corrections import (
    BilledCorrection,
    SettledRow,
    StoredApproval,
    StoredReport,
    StoredVoid,
)
from tieout.invoice.earlier import Cause
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ledger.entry import Entry
from tieout.rate.credit import PREFIX as CREDITED
from tieout.store.books import rows
from tieout.store.books.documents import VersionExists, add_documents
from tieout.store.books.ledger import add_entries
from tieout.store.books.movements import NAMED_CUSTOMERS_MAX, add_movements
from tieout.store.books.papers import PapersMoved, check_disputed, check_papers, count_papers
from tieout.store.books.recorded_order import recorded_in_order
from tieout.store.books.schema import charge, invoice, invoice_line
from tieout.store.books.schema_close import (
    correction,
    correction_approval,
    correction_billed,
    invoice_void,
    journal_entry,
)
from tieout.store.books.sealed_usage import STANDS
from tieout.store.books.writing import insert_rows, writing
from tieout.store.crash import crash_point
from tieout.store.sqlite import is_sqlite

_INVOICE = [column for column in invoice.c if column.name != "document"]


class DecidedAlready(ConflictError):
    """Somebody recorded the same decision at this very moment; nothing was written."""

    code = "decided-already"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was decided by somebody else just now; nothing was recorded.")


@dataclass(frozen=True, slots=True)
class SqlCorrections:
    """The port `CorrectionStore`."""

    engine: Engine

    def settled(self, customers: Sequence[CustomerId]) -> dict[CustomerId, tuple[SettledRow, ...]]:
        columns = [column.label(f"{column.table.name}_{column.name}") for column in _columns()]
        query = select(*columns).join(invoice_line, invoice_line.c.invoice == invoice.c.id)
        query = query.join(charge, charge.c.id == invoice_line.c.charge).where(STANDS)
        query = query.order_by(invoice.c.sealed_at, invoice.c.id, invoice_line.c.ordinal)
        if len(customers) <= NAMED_CUSTOMERS_MAX:
            query = query.where(invoice.c.customer.in_(customers))
        wanted = frozenset(customers)
        found: dict[CustomerId, list[SettledRow]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(query).mappings():
                if row["invoice_customer"] in wanted:
                    found.setdefault(CustomerId(row["invoice_customer"]), []).append(_settled(row))
        return {customer: tuple(each) for customer, each in found.items()}

    def misbilled(self) -> tuple[CustomerId, ...]:
        query = select(invoice.c.customer).join(invoice_line, invoice_line.c.invoice == invoice.c.id)
        query = query.join(charge, charge.c.id == invoice_line.c.charge)
        query = query.where(STANDS, charge.c.price.startswith(CREDITED))
        query = query.where(invoice_line.c.correction.contains(f'"{Cause.MISBILLED.value}"'))
        with self.engine.connect() as connection:
            found = connection.execute(query.distinct().order_by(invoice.c.customer)).scalars()
            return tuple(CustomerId(each) for each in found)

    def papers(self, customer: CustomerId) -> int:
        with self.engine.connect() as connection:
            return count_papers(connection, customer)

    def add(self, report: StoredReport) -> None:
        with writing(self.engine) as connection:
            known = select(correction.c.digest).where(correction.c.digest == report.digest)
            if connection.execute(known).first() is None:
                insert_rows(connection, correction, [_report_row(report)])

    def reports(self) -> tuple[StoredReport, ...]:
        with self.engine.connect() as connection:
            found = (
                connection.execute(select(correction).order_by(correction.c.previewed_at)).mappings().all()
            )
            approvals = (
                connection.execute(select(correction_approval).order_by(correction_approval.c.approved_at))
                .mappings()
                .all()
            )
        by_report: dict[str, list[StoredApproval]] = {}
        for row in approvals:
            said = StoredApproval(row["person"], row["reason"], Instant(row["approved_at"]))
            by_report.setdefault(row["digest"], []).append(said)
        return tuple(_report(row, by_report.get(row["digest"], ())) for row in found)

    def approve(self, digest: str, approval: StoredApproval, documents: Sequence[Document]) -> None:
        row = {
            "digest": digest,
            "person": approval.person,
            "reason": approval.reason,
            "approved_at": approval.approved_at,
        }
        try:
            with writing(self.engine) as connection:
                insert_rows(connection, correction_approval, [row])
                add_documents(connection, documents, applied_at=approval.approved_at)
                crash_point("correction-before-commit")
        except IntegrityError as error:
            if documents:
                raise VersionExists from error
            raise DecidedAlready(f"Report {digest}") from error

    def billed(self) -> tuple[BilledCorrection, ...]:
        query = select(correction_billed).join(invoice, correction_billed.c.invoice == invoice.c.id)
        with self.engine.connect() as connection:
            found = connection.execute(query.where(STANDS)).mappings().all()
        return tuple(
            BilledCorrection(
                row["digest"],
                InvoiceId(row["invoice"]),
                CustomerId(row["customer"]),
                Period(Instant(row["period_start"]), Instant(row["period_end"])),
            )
            for row in found
        )

    def voids(self) -> tuple[StoredVoid, ...]:
        said = (invoice_void.c.person, invoice_void.c.reason, invoice_void.c.voided_at)
        query = select(*_INVOICE, *said).join(invoice_void, invoice_void.c.invoice == invoice.c.id)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(invoice_void.c.voided_at)).mappings().all()
        return tuple(
            StoredVoid(rows.invoice_of(row), row["person"], row["reason"], Instant(row["voided_at"]))
            for row in found
        )

    def void(
        self,
        voided: StoredVoid,
        *,
        papers_seen: int,
        disputes_seen: int,
        movements: Sequence[Movement],
        movements_seen: int,
        entries: Sequence[Entry],
    ) -> None:
        row = {
            "invoice": voided.invoice.id,
            "person": voided.person,
            "reason": voided.reason,
            "voided_at": voided.voided_at,
        }
        try:
            with writing(self.engine) as connection:
                check_papers(connection, voided.invoice.customer, seen=papers_seen)
                check_disputed(connection, voided.invoice.customer, seen=disputes_seen)
                _check_entries(connection, voided.invoice, seen=len(entries))
                insert_rows(connection, invoice_void, [row])
                if movements:
                    movements = recorded_in_order(connection, movements)
                add_movements(connection, movements, seen=movements_seen)
                add_entries(connection, list(entries), booked_at=voided.voided_at)
                crash_point("void-before-commit")
        except IntegrityError as error:
            raise DecidedAlready(f"The voiding of {voided.invoice.number}") from error


def _check_entries(connection: Connection, stored: StoredInvoice, *, seen: int) -> None:
    """A payment, or any other entry of the invoice, may not come in between. Raises `PapersMoved`."""
    if not is_sqlite(connection):  # as who posts for the customer
        name = f"entries of {stored.customer}"
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
    count = select(func.count()).select_from(journal_entry).where(journal_entry.c.invoice == stored.id)
    if connection.execute(count).scalar_one() != seen:
        raise PapersMoved(stored.customer)


def _columns() -> list[object]:
    return [*_INVOICE, *charge.c, *invoice_line.c]


def _settled(row: RowMapping) -> SettledRow:
    parts = [
        {name.removeprefix(prefix): row[name] for name in row if name.startswith(prefix)}
        for prefix in ("invoice_", "charge_", "invoice_line_")
    ]
    head, charged, line = parts
    return SettledRow(rows.invoice_of(head), rows.charge_of(charged), rows.line_of(line))


def _report_row(report: StoredReport) -> dict[str, str | int]:
    return {
        "digest": report.digest,
        "kind": report.kind,
        "report": report.report,
        "documents": report.documents,
        "person": report.person,
        "reason": report.reason,
        "previewed_at": report.previewed_at,
    }


def _report(row: RowMapping, approvals: Sequence[StoredApproval]) -> StoredReport:
    return StoredReport(
        row["digest"],
        row["kind"],
        row["report"],
        row["documents"],
        row["person"],
        row["reason"],
        Instant(row["previewed_at"]),
        tuple(approvals),
    )
