"""Drafts and what people say about them: added, never changed. A revision that is there already stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, and_, exists, func, select
from sqlalchemy.exc import IntegrityError

from tieout.close.review import DraftState, EntryKind, ReviewEntry, StoredDraft, said_before
from tieout.invoice.invoice import KIND_FINAL, KIND_INTERIM
from tieout.kernel.ids import CustomerId, InvoiceId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.store.books.decisions import refuse_if_sealed, while_people_decide
from tieout.store.books.schema import invoice
from tieout.store.books.schema_close import draft, review_entry
from tieout.store.books.writing import insert_rows, writing
from tieout.store.crash import crash_point

_LISTED = [column for column in draft.c if column.name not in ("document", "proposed")]


@dataclass(frozen=True, slots=True)
class SqlDrafts:
    """The port `DraftStore`."""

    engine: Engine

    def open(self) -> tuple[StoredDraft, ...]:
        return self._rows(_latest(select(*_LISTED)).where(~_is_sealed(), ~_is_overtaken()))

    def proposing(self) -> tuple[StoredDraft, ...]:
        query = _latest(select(*_LISTED, draft.c.proposed)).where(draft.c.proposed.is_not(None))
        return self._rows(query.where(~_is_sealed(), ~_is_overtaken()))

    def latest(self, customer: CustomerId | None = None) -> tuple[StoredDraft, ...]:
        query = _latest(select(*_LISTED))
        return self._rows(query if customer is None else query.where(draft.c.customer == customer))

    def revisions(self, invoice: InvoiceId) -> tuple[StoredDraft, ...]:
        return self._rows(select(draft).where(draft.c.invoice == invoice))

    def entries(self, invoices: Sequence[InvoiceId]) -> dict[InvoiceId, tuple[ReviewEntry, ...]]:
        query = select(review_entry).where(review_entry.c.invoice.in_(invoices)).order_by(review_entry.c.id)
        found: dict[InvoiceId, list[ReviewEntry]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(query).mappings():
                found.setdefault(InvoiceId(row["invoice"]), []).append(_entry(row))
        return {id: tuple(each) for id, each in found.items()}

    def said(self) -> tuple[int, int]:
        drafts = select(func.count()).select_from(draft)
        entries = select(func.count()).select_from(review_entry)
        with self.engine.connect() as connection:
            return connection.execute(drafts).scalar_one(), connection.execute(entries).scalar_one()

    def add(self, found: StoredDraft, *, run: int) -> bool:
        try:
            with writing(self.engine) as connection:
                while_people_decide(connection)
                refuse_if_sealed(connection, found.invoice)
                last = select(func.max(draft.c.revision)).where(draft.c.invoice == found.invoice)
                if (connection.execute(last).scalar_one() or 0) + 1 != found.revision:
                    return False
                insert_rows(connection, draft, [_row(found, run)])
                crash_point("draft-before-commit")
        except IntegrityError:  # another close stored this revision at the very same moment
            return False
        crash_point("draft-after-commit")
        return True

    def say(self, entry: ReviewEntry) -> ReviewEntry | None:
        with writing(self.engine) as connection:
            while_people_decide(connection)
            refuse_if_sealed(connection, entry.invoice)
            last = select(func.max(draft.c.revision)).where(draft.c.invoice == entry.invoice)
            if connection.execute(last).scalar_one() != entry.revision:
                return None
            query = select(review_entry).where(review_entry.c.invoice == entry.invoice)
            rows = connection.execute(query.order_by(review_entry.c.id)).mappings().all()
            before = said_before([_entry(row) for row in rows], entry)
            if before is None:
                insert_rows(connection, review_entry, [_entry_row(entry, len(rows) + 1)])
        return entry if before is None else before

    def _rows(self, query: Select[tuple[object, ...]]) -> tuple[StoredDraft, ...]:
        order = (draft.c.customer, draft.c.period_start, draft.c.invoice, draft.c.revision)
        with self.engine.connect() as connection:
            return tuple(_draft(row) for row in connection.execute(query.order_by(*order)).mappings())


def _latest(query: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    later = draft.alias("later")
    return query.where(
        ~exists().where(later.c.invoice == draft.c.invoice, later.c.revision > draft.c.revision)
    )


def _is_sealed() -> ColumnElement[bool]:
    return exists().where(invoice.c.id == draft.c.invoice)


def _is_overtaken() -> ColumnElement[bool]:
    """An interim that was not sealed while its period ran: the final billed it."""
    final = exists().where(
        invoice.c.customer == draft.c.customer,
        invoice.c.period_start == draft.c.period_start,
        invoice.c.kind == KIND_FINAL,
    )
    return and_(draft.c.kind == KIND_INTERIM, final)


def _row(found: StoredDraft, run: int) -> dict[str, str | int | bytes | None]:
    return {
        "invoice": found.invoice,
        "revision": found.revision,
        "customer": found.customer,
        "period_start": found.period.start,
        "period_end": found.period.end,
        "kind": found.kind,
        "sequence": found.sequence,
        "state": found.state.value,
        "cutoff": found.cutoff,
        "cutoff_at": found.cutoff_at,
        "as_of": found.as_of,
        "close_run": run,
        "person": found.person,
        "reason": found.reason,
        "document": found.document,
        "sha256": found.sha256,
        "difference": found.difference,
        "delta": found.delta,
        "proposed": found.proposed,
        "drafted_at": found.drafted_at,
        "review_until": found.review_until,
    }


def _draft(row: RowMapping) -> StoredDraft:
    until = row["review_until"]
    return StoredDraft(
        invoice=InvoiceId(row["invoice"]),
        revision=row["revision"],
        customer=CustomerId(row["customer"]),
        period=Period(Instant(row["period_start"]), Instant(row["period_end"])),
        kind=row["kind"],
        sequence=row["sequence"],
        state=DraftState(row["state"]),
        cutoff=Watermark(row["cutoff"]),
        cutoff_at=Instant(row["cutoff_at"]),
        as_of=Instant(row["as_of"]),
        person=row["person"],
        reason=row["reason"],
        document=row.get("document", b""),
        sha256=row["sha256"],
        drafted_at=Instant(row["drafted_at"]),
        review_until=None if until is None else Instant(until),
        difference=row["difference"],
        delta=row["delta"],
        proposed=row.get("proposed"),
    )


def _entry_row(entry: ReviewEntry, place: int) -> dict[str, str | int | None]:
    return {
        "id": f"{entry.invoice}-e{place:06d}",
        "invoice": entry.invoice,
        "revision": entry.revision,
        "kind": entry.kind.value,
        "person": entry.person,
        "text": entry.text,
        "sha256": entry.sha256,
        "recorded_at": entry.recorded_at,
    }


def _entry(row: RowMapping) -> ReviewEntry:
    return ReviewEntry(
        invoice=InvoiceId(row["invoice"]),
        revision=row["revision"],
        kind=EntryKind(row["kind"]),
        person=row["person"],
        text=row["text"],
        sha256=row["sha256"],
        recorded_at=Instant(row["recorded_at"]),
    )
