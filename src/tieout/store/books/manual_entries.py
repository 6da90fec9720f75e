"""Manual entries and what a second person decided about them; read and written inside a transaction."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from tieout.kernel.errors import ConflictError, NotFound, shown
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.ledger.manual import ManualDecision, ManualEntry, parse_postings, postings_text
from tieout.store.books.schema_close import manual_entry, manual_entry_decision
from tieout.store.books.writing import insert_rows
from tieout.store.sqlite import is_sqlite


class ManualEntryTaken(ConflictError):
    """The id is that of another manual entry."""

    code = "manual-entry-taken"

    def __init__(self, manual_id: str) -> None:
        super().__init__(f"There is a manual entry {shown(manual_id)} already; nothing was proposed.")


class NoSuchManualEntry(NotFound):
    """Nobody proposed an entry of that id."""

    code = "no-such-manual-entry"

    def __init__(self, manual_id: str) -> None:
        super().__init__(
            f"There is no manual entry {shown(manual_id)}; `tieout ledger proposals` names those there are."
        )


def all_of(connection: Connection) -> tuple[ManualEntry, ...]:
    rows = connection.execute(_query().order_by(manual_entry.c.proposed_at, manual_entry.c.id)).mappings()
    return tuple(map(_manual, rows))


def propose(connection: Connection, proposed: ManualEntry) -> None:
    """Raises `ManualEntryTaken`."""
    _hold(connection, proposed.id)
    if _found(connection, proposed.id) is not None:
        raise ManualEntryTaken(proposed.id)
    insert_rows(
        connection,
        manual_entry,
        [
            {
                "id": proposed.id,
                "customer": proposed.customer,
                "effective_at": proposed.effective_at,
                "effective_on": proposed.entry.day.isoformat(),
                "postings": postings_text(proposed.postings),
                "person": proposed.person,
                "reason": proposed.reason,
                "proposed_at": proposed.proposed_at,
            }
        ],
    )


def locked(connection: Connection, manual_id: str) -> ManualEntry:
    """The entry, which nobody else decides until the transaction ends. Raises `NoSuchManualEntry`."""
    _hold(connection, manual_id)
    found = _found(connection, manual_id)
    if found is None:
        raise NoSuchManualEntry(manual_id)
    return found


def record(connection: Connection, decided: ManualEntry) -> None:
    assert decided.decision is not None, "only a decision is recorded"
    insert_rows(
        connection,
        manual_entry_decision,
        [
            {
                "manual_entry": decided.id,
                "decision": "approved" if decided.decision.approved else "rejected",
                "person": decided.decision.person,
                "reason": decided.decision.reason,
                "decided_at": decided.decision.decided_at,
            }
        ],
    )


def _hold(connection: Connection, manual_id: str) -> None:
    if not is_sqlite(connection):  # SQLite has one writer at a time
        name = f"manual entry {manual_id}"
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))


def _found(connection: Connection, manual_id: str) -> ManualEntry | None:
    row = connection.execute(_query().where(manual_entry.c.id == manual_id)).mappings().one_or_none()
    return None if row is None else _manual(row)


def _query() -> Select[tuple[Any, ...]]:
    decision = manual_entry_decision
    return select(
        manual_entry,
        decision.c.decision,
        decision.c.person.label("decided_by"),
        decision.c.reason.label("decided_why"),
        decision.c.decided_at,
    ).join(decision, decision.c.manual_entry == manual_entry.c.id, isouter=True)


def _manual(row: RowMapping) -> ManualEntry:
    decision = None
    if row["decision"] is not None:
        decision = ManualDecision(
            row["decision"] == "approved", row["decided_by"], row["decided_why"], Instant(row["decided_at"])
        )
    return ManualEntry(
        id=row["id"],
        customer=CustomerId(row["customer"]),
        effective_at=Instant(row["effective_at"]),
        postings=parse_postings(row["postings"]),
        person=row["person"],
        reason=row["reason"],
        proposed_at=Instant(row["proposed_at"]),
        decision=decision,
        effective_on=date.fromisoformat(row["effective_on"]),
    )
