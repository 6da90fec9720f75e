"""Sealed invoices with their snapshots, charges and lines: written once, each whole in one transaction, which
other invoices may share.

The unique key of `invoice` is law L11: whoever comes second, in another process or after a crash, writes
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from tieout.aggregate.late import CutoffStep
from tieout.evidence.stored import LaidOut, SealedRows, StoredEvidence, StoredInvoice, StoredSnapshot
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, MeterKey, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import Sealing
from tieout.store.books import rows
from tieout.store.books.decisions import check_decisions, while_nobody_decides
from tieout.store.books.interims import check_period
from tieout.store.books.laid_out import lay_out, write_entries, write_lines
from tieout.store.books.ledger import add_offset, lock_entries
from tieout.store.books.movements import add_movements
from tieout.store.books.numbering import lock_series, record_numbers
from tieout.store.books.papers import add_corrects, check_disputed, check_papers
from tieout.store.books.recorded_order import recorded_since
from tieout.store.books.schema import charge, invoice, invoice_line, number_series, snapshot
from tieout.store.books.sealed_usage import (
    billed_periods,
    billed_stretches,
    cutoff_steps,
    snapshots_in,
    snapshots_of,
    standing_snapshots,
)
from tieout.store.books.writing import ConnectionLost, insert_rows, writing
from tieout.store.crash import crash_point

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

    def snapshots(
        self,
        customer: CustomerId | None = None,
        *,
        before: Watermark | None = None,
        meeting: Sequence[Period] | None = None,
    ) -> tuple[StoredSnapshot, ...]:
        with self.engine.connect() as connection:
            return standing_snapshots(connection, customer, before=before, meeting=meeting)

    def snapshots_of(self, ending_after: Mapping[CustomerId, Instant]) -> tuple[StoredSnapshot, ...]:
        with self.engine.connect() as connection:
            return snapshots_of(connection, ending_after)

    def snapshots_in(
        self,
        windows: Mapping[CustomerId, Sequence[tuple[Instant, Instant]]],
        *,
        lasting: Collection[MeterKey],
    ) -> tuple[StoredSnapshot, ...]:
        with self.engine.connect() as connection:
            return snapshots_in(connection, windows, lasting)

    def cutoff_steps(self, *, before: Watermark) -> tuple[CutoffStep, ...]:
        with self.engine.connect() as connection:
            return cutoff_steps(connection, before)

    def billed(
        self, customers: Collection[CustomerId] | None = None, *, ending_after: Instant | None = None
    ) -> dict[SubscriptionId, tuple[Period, ...]]:
        with self.engine.connect() as connection:
            return billed_periods(connection, customers, ending_after=ending_after)

    def billed_stretches(self, customers: Collection[CustomerId]) -> dict[SubscriptionId, tuple[Period, ...]]:
        with self.engine.connect() as connection:
            return billed_stretches(connection, customers)

    def last_numbers(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            found = connection.execute(select(number_series.c.series, number_series.c.last_number)).all()
        return {row.series: row.last_number for row in found}

    def recorded_since(
        self, customers: Sequence[CustomerId], since: Instant, *, papers_too: bool
    ) -> dict[CustomerId, Instant]:
        with self.engine.connect() as connection:
            return recorded_since(connection, customers, since, papers_too=papers_too)

    def lay_out(self, rows: SealedRows) -> LaidOut:
        return lay_out(rows)

    def seal(self, batch: Sequence[Sealing], *, run: int) -> list[StoredInvoice | None]:
        try:
            return self._seal(batch, run)
        except ConnectionLost:
            # The COMMIT may have reached the server: a second try waits for the lost session's locks, and
            # finds what it left
            again = self._seal(batch, run)
        with self.engine.connect() as connection:
            found = _sealed_by(connection, run, [sealing.id for sealing in batch])
        return [mine or found.get(sealing.id) for sealing, mine in zip(batch, again, strict=True)]

    def _seal(self, batch: Sequence[Sealing], run: int) -> list[StoredInvoice | None]:
        with writing(self.engine) as connection:
            sealed = seal_in(connection, batch, run=run)
            crash_point("seal-before-commit")
        crash_point("seal-after-commit")
        return sealed


def seal_in(connection: Connection, batch: Sequence[Sealing], *, run: int) -> list[StoredInvoice | None]:
    """Inside a write transaction: see `InvoiceStore.seal`."""
    issued: dict[InvoiceId, SealedRows] = {}
    crash_point("seal-before-number")
    while_nobody_decides(connection)
    last = lock_series(connection, (sealing.series for sealing in batch))
    sealed_before = _sealed_of(connection, [sealing.id for sealing in batch])
    for sealing in batch:
        if sealing.id not in sealed_before:
            last[sealing.series] += 1
            issued[sealing.id] = sealing.issue(last[sealing.series])
    record_numbers(connection, last)
    crash_point("seal-after-number")
    sealed = [*issued.values()]
    laid_out = [lay_out(each) for each in sealed]
    check_decisions(connection, sealed, [each.manual_lines for each in laid_out])
    _write(connection, sealed, laid_out, run)
    return [issued[sealing.id].invoice if sealing.id in issued else None for sealing in batch]


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


def _sealed_of(connection: Connection, ids: Sequence[InvoiceId]) -> frozenset[str]:
    """Those of the invoices that are sealed: an id is made of the key that may be sealed once (L11)."""
    return frozenset(connection.execute(select(invoice.c.id).where(invoice.c.id.in_(ids))).scalars())


def _before(batch: Sequence[SealedRows], one: SealedRows) -> int:
    """How many papers of the same customer the batch seals before it: they are not there yet."""
    place = next(place for place, each in enumerate(batch) if each is one)
    return sum(each.invoice.customer == one.invoice.customer for each in batch[:place])


def _sealed_by(connection: Connection, run: int, ids: Sequence[InvoiceId]) -> dict[InvoiceId, StoredInvoice]:
    query = select(*_LISTED).where(invoice.c.id.in_(ids), invoice.c.close_run == run)
    found = [rows.invoice_of(row) for row in connection.execute(query).mappings()]
    return {stored.id: stored for stored in found}


def _write(
    connection: Connection, batch: Sequence[SealedRows], laid_out: Sequence[LaidOut], run: int
) -> None:
    if not batch:
        return
    for each in batch:
        check_period(connection, each)
        if each.papers_seen is not None:
            check_papers(connection, each.invoice.customer, seen=each.papers_seen - _before(batch, each))
        if each.disputes_seen is not None:
            check_disputed(connection, each.invoice.customer, seen=each.disputes_seen)
    insert_rows(connection, invoice, [rows.invoice_row(each.invoice, run) for each in batch])
    write_lines(connection, laid_out)
    for each in batch:
        add_movements(connection, each.movements, seen=each.movements_seen)
        add_corrects(connection, each)
    offsets = [each.offset for each in batch if each.offset is not None]
    lock_entries(connection, (offset.customer for offset in offsets))
    write_entries(connection, laid_out, booked_at=max(each.invoice.sealed_at for each in batch))
    for offset in offsets:
        crash_point("credit-before-offset")
        add_offset(connection, offset)
