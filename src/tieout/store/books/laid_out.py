"""The rows of a seal laid out as they are written, which is all of the work that does not need its number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import itemgetter

from sqlalchemy import Connection, Table

from tieout.evidence.stored import EntryRow, LaidOut, Row, SealedRows
from tieout.invoice.entries import AT_ISSUE
from tieout.kernel.instant import Instant
from tieout.ledger.entry import Entry
from tieout.ledger.month import booked_in
from tieout.rate.manual_line import is_manual, manual_line_of
from tieout.store.books import rows
from tieout.store.books.folios import digested
from tieout.store.books.ledger import locked_until, posting_rows
from tieout.store.books.schema import charge, invoice_line, snapshot
from tieout.store.books.schema_close import journal_entry, posting
from tieout.store.books.writing import insert_laid_out


def _by_column(table: Table) -> Callable[[Mapping[str, str | int | bytes | None]], Row]:
    """A row, by name, in the order of the table's columns."""
    return itemgetter(*digested(table))


_SNAPSHOT, _CHARGE, _LINE, _POSTING = map(_by_column, (snapshot, charge, invoice_line, posting))

_AFTER_DAY = EntryRow._fields.index("effective_on") + 1
_AT_ISSUE = EntryRow._fields.index("at_issue")
_ENTRY = (
    *EntryRow._fields[:_AFTER_DAY],
    "accounting_period",
    "booked_at",
    *EntryRow._fields[_AFTER_DAY:_AT_ISSUE],
)


def lay_out(sealed: SealedRows) -> LaidOut:
    """The same again where it was done before."""
    if sealed.laid_out is not None:
        return sealed.laid_out
    return LaidOut(
        tuple(_SNAPSHOT(rows.snapshot_row(each)) for each in sealed.snapshots),
        tuple(_CHARGE(rows.charge_row(each)) for each in sealed.charges),
        tuple(_LINE(rows.line_row(each)) for each in sealed.lines),
        tuple(map(_entry_row, sealed.entries)),
        tuple(map(_POSTING, posting_rows(sealed.entries))),
        frozenset(manual_line_of(each.price) for each in sealed.charges if is_manual(each.price)),
    )


def write_lines(connection: Connection, batch: Sequence[LaidOut]) -> None:
    """Snapshots, charges and lines, each after what they refer to."""
    _write(connection, snapshot, [row for each in batch for row in each.snapshots])
    _write(connection, charge, [row for each in batch for row in each.charges])
    _write(connection, invoice_line, [row for each in batch for row in each.lines])


def write_entries(connection: Connection, batch: Sequence[LaidOut], *, booked_at: Instant) -> None:
    """As `add_entries` does."""
    entries = [entry for each in batch for entry in each.entries]
    if not entries:
        return
    until = locked_until(connection)
    posted = [
        (
            *each[:_AFTER_DAY],
            booked_in(date.fromisoformat(each.effective_on), until),
            booked_at,
            *each[_AFTER_DAY:_AT_ISSUE],
        )
        for each in entries
    ]
    insert_laid_out(connection, journal_entry, _ENTRY, posted)
    _write(connection, posting, [row for each in batch for row in each.postings])


def _write(connection: Connection, table: Table, written: list[Row]) -> None:
    if written:
        insert_laid_out(connection, table, digested(table), written)


def _entry_row(entry: Entry) -> EntryRow:
    return EntryRow(
        entry.id,
        entry.kind.value,
        entry.customer,
        entry.invoice,
        entry.effective_at,
        entry.day.isoformat(),
        entry.reverses,
        entry.person,
        entry.reason,
        entry.kind in AT_ISSUE,
    )
