"""Disputes: events added one step at a time, each step with its credit notes and notices, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, func, select

from tieout.dispute.event import DisputeEvent
from tieout.dispute.event_text import owners_of, owners_text, said_of, said_text
from tieout.dispute.owners import Owners
from tieout.evidence.stored import StoredInvoice
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.ports import Sealing
from tieout.ports.disputes import NoteOvertaken, Step
from tieout.store.books import rows
from tieout.store.books.invoices import seal_in
from tieout.store.books.notices import add_notices
from tieout.store.books.papers import check_disputed, check_papers
from tieout.store.books.schema import invoice
from tieout.store.books.schema_dispute import dispute_event, dispute_owners
from tieout.store.books.writing import ConnectionLost, insert_rows, writing
from tieout.store.crash import crash_point
from tieout.store.sqlite import is_sqlite

OWNERS_LOCK: Final = 0x64697370
"""The key of the advisory lock."""


@dataclass(frozen=True, slots=True)
class SqlDisputes:
    """The port `DisputeStore`."""

    engine: Engine

    def events(self, customer: CustomerId | None = None) -> tuple[DisputeEvent, ...]:
        query = select(dispute_event).order_by(dispute_event.c.dispute, dispute_event.c.ordinal)
        if customer is not None:
            query = query.where(dispute_event.c.customer == customer)
        with self.engine.connect() as connection:
            return tuple(_event(row) for row in connection.execute(query).mappings())

    def of(self, dispute: str) -> tuple[DisputeEvent, ...]:
        query = select(dispute_event).where(dispute_event.c.dispute == dispute)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(dispute_event.c.ordinal)).mappings()
            return tuple(_event(row) for row in found)

    def ids(self, beginning: str) -> tuple[str, ...]:
        """Read from the primary key's index alone. Not by LIKE, which SQLite compares without case."""
        begins = func.substr(dispute_event.c.dispute, 1, len(beginning)) == beginning
        query = select(dispute_event.c.dispute).where(begins).distinct()
        with self.engine.connect() as connection:
            return tuple(sorted(connection.execute(query).scalars()))

    def customers(self) -> tuple[CustomerId, ...]:
        query = select(dispute_event.c.customer).distinct().order_by(dispute_event.c.customer)
        with self.engine.connect() as connection:
            return tuple(CustomerId(each) for each in connection.execute(query).scalars())

    def record(
        self, step: Step, *, notes: Sequence[Sealing] = (), run: int | None = None
    ) -> tuple[StoredInvoice, ...]:
        try:
            return self._record(step, notes, run)
        except ConnectionLost:  # perhaps at the COMMIT: a second try waits for its locks, and finds it
            return self._record(step, notes, run)

    def _record(self, step: Step, notes: Sequence[Sealing], run: int | None) -> tuple[StoredInvoice, ...]:
        customer = step.events[0].customer
        with writing(self.engine) as connection:
            if _is_there(connection, step.events):
                return _sealed(connection, [each.id for each in notes])
            sealed: list[StoredInvoice | None] = []
            if notes:
                assert run is not None, "notes are sealed in a run"
                sealed = seal_in(connection, notes, run=run)
                if None in sealed:
                    raise NoteOvertaken(customer)
            elif step.papers_seen is not None:
                check_papers(connection, customer, seen=step.papers_seen)
            check_disputed(connection, customer, seen=step.disputes_seen)
            insert_rows(connection, dispute_event, [_row(each) for each in step.events])
            add_notices(connection, step.notices, at=step.events[0].at)
            crash_point("dispute-before-commit")
        return tuple(each for each in sealed if each is not None)

    def owners(self) -> Owners | None:
        found = self.all_owners()
        return found[-1] if found else None

    def all_owners(self) -> tuple[Owners, ...]:
        query = select(dispute_owners).order_by(dispute_owners.c.ordinal)
        with self.engine.connect() as connection:
            return tuple(
                owners_of(
                    row["said"], person=row["person"], reason=row["reason"], at=Instant(row["recorded_at"])
                )
                for row in connection.execute(query).mappings()
            )

    def name_owners(self, owners: Owners) -> None:
        assert owners.at is not None, "who names them does so at a time"
        with writing(self.engine) as connection:
            if not is_sqlite(connection):
                connection.execute(select(func.pg_advisory_xact_lock(OWNERS_LOCK)))
            last = connection.execute(select(func.max(dispute_owners.c.ordinal))).scalar_one()
            row = {
                "ordinal": (last or 0) + 1,
                "said": owners_text(owners),
                "person": owners.person,
                "reason": owners.reason,
                "recorded_at": owners.at,
            }
            insert_rows(connection, dispute_owners, [row])


def _is_there(connection: Connection, events: Sequence[DisputeEvent]) -> bool:
    """Whether this very step was recorded before: ids and ordinals say so."""
    first = events[0]
    mine = dispute_event.c.dispute == first.dispute, dispute_event.c.ordinal == first.ordinal
    row = connection.execute(select(dispute_event).where(*mine)).mappings().one_or_none()
    return row is not None and _event(row) == first


def _sealed(connection: Connection, ids: Sequence[InvoiceId]) -> tuple[StoredInvoice, ...]:
    found = connection.execute(select(invoice).where(invoice.c.id.in_(ids))).mappings()
    by_id = {row["id"]: rows.invoice_of(row) for row in found}
    return tuple(by_id[each] for each in ids)


def _row(event: DisputeEvent) -> dict[str, str | int]:
    return {
        "dispute": event.dispute,
        "ordinal": event.ordinal,
        "customer": event.customer,
        "invoice": event.invoice,
        "act": event.act.value,
        "person": event.person,
        "said": said_text(event.said),
        "recorded_at": event.at,
    }


def _event(row: RowMapping) -> DisputeEvent:
    return DisputeEvent(
        dispute=row["dispute"],
        ordinal=row["ordinal"],
        customer=CustomerId(row["customer"]),
        invoice=InvoiceId(row["invoice"]),
        at=Instant(row["recorded_at"]),
        person=row["person"],
        said=said_of(row["dispute"], row["said"]),
    )
