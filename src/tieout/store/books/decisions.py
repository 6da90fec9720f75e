"""What people decide about invoices, and sealing, one after the other: a seal sees every decision before it,
and whoever decides sees whether it is sealed.

SQLite has one writer at a time. On PostgreSQL people take a lock that seals share with one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, exists, func, select

from tieout.evidence.stored import SealedRows
from tieout.invoice.invoice import KIND_FINAL
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.rate.manual_line import LineDecision
from tieout.store.books.schema import invoice
from tieout.store.books.schema_close import draft, manual_line, manual_line_decision, review_entry
from tieout.store.sqlite import is_sqlite

DECISIONS_LOCK: Final = 0x7469656F
"""The key of the advisory lock."""


class DraftMoved(ConflictError):
    """Somebody decided about the invoice after the close had read it; nothing was sealed."""

    code = "draft-moved"

    def __init__(self, name: InvoiceId | CustomerId) -> None:
        super().__init__(
            f"What was decided about {name} has changed since the close read it; nothing was sealed: run it "
            "again."
        )


class SealedAlready(ConflictError):
    """It is sealed: what is said now can only become a correction."""

    code = "sealed-already"

    def __init__(self, name: str) -> None:
        super().__init__(f"Invoice {name} is sealed; its draft is history. Correct it by a new line.")


def while_people_decide(connection: Connection) -> None:
    """Inside a write transaction of somebody's decision: no seal goes on until it ends."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(DECISIONS_LOCK)))


def while_nobody_decides(connection: Connection) -> None:
    """Inside a transaction that seals, before anything decided is read."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock_shared(DECISIONS_LOCK)))


def refuse_if_sealed(connection: Connection, id: InvoiceId) -> None:
    """Raises `SealedAlready`."""
    number = connection.execute(select(invoice.c.number).where(invoice.c.id == id)).scalar_one_or_none()
    if number is not None:
        raise SealedAlready(number)


def check_decisions(
    connection: Connection, batch: Sequence[SealedRows], on_each: Sequence[frozenset[str]]
) -> None:
    """What is about to be sealed rests on every decision that was made: on the latest revision of its
    draft and all that was said about it, and with all approved lines (`on_each`). Raises
    `DraftMoved`.
    """
    for sealed in batch:
        seen = sealed.reviewed
        if seen is not None and _said(connection, seen.invoice) != (seen.revision, seen.entries_seen):
            raise DraftMoved(seen.invoice)
    final = [
        (sealed.invoice, on_it)
        for sealed, on_it in zip(batch, on_each, strict=True)
        if sealed.invoice.kind == KIND_FINAL
    ]
    if not final:
        return
    approved = _approved_lines(
        connection,
        first=min(found.period.start for found, _ in final),
        last=max(found.period.start for found, _ in final),
    )
    for found, on_it in final:
        expected = approved.get((found.customer, found.period.start, found.period.end), set())
        if on_it != expected:
            raise DraftMoved(found.customer)


def _said(connection: Connection, id: InvoiceId) -> tuple[int, int]:
    revision = select(func.max(draft.c.revision)).where(draft.c.invoice == id)
    entries = select(func.count()).select_from(review_entry).where(review_entry.c.invoice == id)
    return connection.execute(revision).scalar_one() or 0, connection.execute(entries).scalar_one()


def _approved_lines(connection: Connection, *, first: int, last: int) -> dict[tuple[str, int, int], set[str]]:
    line = manual_line.c
    approving = exists().where(
        manual_line_decision.c.manual_line == line.id,
        manual_line_decision.c.decision == LineDecision.APPROVED.value,
    )
    query = (
        select(line.id, line.customer, line.period_start, line.period_end)
        .where(line.period_start >= first, line.period_start <= last)
        .where(approving)
    )
    found: dict[tuple[str, int, int], set[str]] = {}
    for row in connection.execute(query):
        found.setdefault((row.customer, row.period_start, row.period_end), set()).add(row.id)
    return found
