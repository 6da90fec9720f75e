"""The ledger: journal entries with their postings, and months that are locked. Everything is only added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    and_,
    case,
    func,
    select,
    true,
)

from tieout.invoice.offset import Offset, offset_entries
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.balances import EVERYTHING, Balance, Selection
from tieout.ledger.entry import Entry, EntryKind, Posting
from tieout.ledger.lock import Lock
from tieout.ledger.manual import ManualEntry
from tieout.ledger.month import booked_in
from tieout.ledger.standing import Standing, in_order
from tieout.store.books import manual_entries as manual
from tieout.store.books.schema_close import (
    accounting_lock,
    invoice_before_ledger,
    journal_entry,
    posting,
)
from tieout.store.books.writing import insert_rows, writing
from tieout.store.sqlite import is_sqlite

ROWS_AT_ONCE = 10_000
NAMED_AT_ONCE = 500
"""Customers that one query names."""
LEDGER_LOCK = "the months of the ledger"
"""PostgreSQL: whoever posts shares it, whoever locks a month holds it alone. SQLite has one writer."""

Row = dict[str, str | int | None]


class AlreadyPosted(ConflictError):
    """An entry of that id is posted; it is never posted twice."""

    code = "already-posted"

    def __init__(self, entry: str) -> None:
        super().__init__(f"Journal entry {entry} is posted already; nothing was posted.")


@dataclass(frozen=True, slots=True)
class SqlLedger:
    """The port `LedgerStore`."""

    engine: Engine

    def entries(self, selection: Selection = EVERYTHING) -> Iterator[Entry]:
        query = _joined().where(_selected(selection))
        with self.engine.connect() as connection:
            rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query).mappings()
            yield from _grouped(rows)

    def find(self, entry_id: str) -> Entry | None:
        with self.engine.connect() as connection:
            return _found(connection, journal_entry.c.id == entry_id)

    def balances(self, selection: Selection = EVERYTHING) -> tuple[Balance, ...]:
        query = _balances(selection)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        chart = list(Account)
        found = [
            Balance(
                Account(row.account),
                CustomerId(row.customer),
                currency(row.currency),
                int(row.debits),
                int(row.credits),
            )
            for row in rows
        ]
        return tuple(
            sorted(found, key=lambda each: (chart.index(each.account), each.customer, each.currency.code))
        )

    def standing(self, lines: Mapping[CustomerId, Sequence[LineId]]) -> tuple[Standing, ...]:
        customers = sorted(customer for customer, of_it in lines.items() if of_it)
        wanted = {line for of_it in lines.values() for line in of_it}
        found: list[Standing] = []
        with self.engine.connect() as connection:
            for first in range(0, len(customers), NAMED_AT_ONCE):
                several = customers[first : first + NAMED_AT_ONCE]
                rows = connection.execute(_standing().where(journal_entry.c.customer.in_(several)))
                found += [
                    Standing(LineId(row.line), row.root, Account(row.account), int(row.minor))
                    for row in rows
                    if row.line in wanted and row.minor
                ]
        return in_order(found)

    def of_lines(self, customer: CustomerId, lines: Sequence[LineId]) -> tuple[Entry, ...]:
        named = (
            select(posting.c.entry)
            .join(journal_entry, journal_entry.c.id == posting.c.entry)
            .where(journal_entry.c.customer == customer, posting.c.line.in_(lines))
        )
        with self.engine.connect() as connection:
            rows = connection.execute(_joined().where(journal_entry.c.id.in_(named))).mappings()
            return tuple(_grouped(rows))

    def post(
        self,
        decide: Callable[[Sequence[Entry]], Sequence[Entry]],
        *,
        seen: Selection,
        booked_at: Instant,
    ) -> tuple[Entry, ...]:
        with writing(self.engine) as connection:
            lock_entries(connection, [seen.customer])
            new = decide(_known(connection, seen))
            for each in new:
                if _found(connection, journal_entry.c.id == each.id) is not None:
                    raise AlreadyPosted(each.id)
            add_entries(connection, new, booked_at=booked_at)
            return tuple(
                found
                for each in new
                if (found := _found(connection, journal_entry.c.id == each.id)) is not None
            )

    def locks(self) -> tuple[Lock, ...]:
        with self.engine.connect() as connection:
            return _locks(connection)

    def lock(self, decide: Callable[[Sequence[Lock]], Lock]) -> Lock:
        with writing(self.engine) as connection:
            if not is_sqlite(connection):
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(LEDGER_LOCK))))
            made = decide(_locks(connection))
            insert_rows(
                connection,
                accounting_lock,
                [
                    {
                        "accounting_period": made.month,
                        "person": made.person,
                        "reason": made.reason,
                        "locked_at": made.locked_at,
                    }
                ],
            )
            return made

    def manual_entries(self) -> tuple[ManualEntry, ...]:
        with self.engine.connect() as connection:
            return manual.all_of(connection)

    def propose(self, proposed: ManualEntry) -> None:
        with writing(self.engine) as connection:
            manual.propose(connection, proposed)

    def decide(self, manual_id: str, judge: Callable[[ManualEntry], ManualEntry]) -> ManualEntry:
        with writing(self.engine) as connection:
            decided = judge(manual.locked(connection, manual_id))
            manual.record(connection, decided)
            assert decided.decision is not None, "who judges decides"
            if decided.decision.approved:
                add_entries(connection, [decided.entry], booked_at=decided.decision.decided_at)
            return decided

    def open_receivables(self, customer: CustomerId | None = None) -> dict[InvoiceId, int]:
        query = _open_now().where(journal_entry.c.invoice.is_not(None))
        if customer is not None:
            query = query.where(journal_entry.c.customer == customer)
        with self.engine.connect() as connection:
            found = connection.execute(query.group_by(journal_entry.c.invoice)).all()
        return {InvoiceId(invoice): int(minor) for invoice, minor in found}

    def before_ledger(self) -> frozenset[InvoiceId]:
        with self.engine.connect() as connection:
            found = connection.execute(select(invoice_before_ledger.c.invoice)).scalars().all()
        return frozenset(InvoiceId(each) for each in found)


def add_entries(connection: Connection, entries: Sequence[Entry], *, booked_at: Instant) -> None:
    """Inside a write transaction: each is booked in the month of its effect, or the first that is open."""
    if not entries:
        return
    rows = entry_rows(entries, booked_at=booked_at, locked_until=locked_until(connection))
    insert_rows(connection, journal_entry, rows)
    insert_rows(connection, posting, posting_rows(entries))


def locked_until(connection: Connection) -> str | None:
    """The last month that is locked; none is until the transaction ends."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock_shared(func.hashtext(LEDGER_LOCK))))
    return connection.execute(select(func.max(accounting_lock.c.accounting_period))).scalar_one()


def lock_entries(connection: Connection, customers: Iterable[CustomerId | None]) -> None:
    """PostgreSQL: until the transaction ends, nobody else decides by what these customers have posted. Taken
    before `LEDGER_LOCK`, by all. SQLite has one writer."""
    if not is_sqlite(connection):
        for name in sorted({f"entries of {customer}" for customer in customers}):
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))


def add_offset(connection: Connection, offset: Offset) -> None:
    """Inside the sealing transaction, under `lock_entries`: puts the paper against what is open by now."""
    open_now = _open_now().where(
        journal_entry.c.customer == offset.customer,
        journal_entry.c.invoice.in_(offset.against),
        posting.c.currency == offset.amount.currency.code,
    )
    found = connection.execute(open_now.group_by(journal_entry.c.invoice)).all()
    open_minor = {InvoiceId(invoice): int(minor) for invoice, minor in found}
    add_entries(connection, offset_entries(offset, open_minor), booked_at=offset.at)


def _open_now() -> Select[tuple[str, int]]:
    """Invoice and what is owed on it; to be narrowed, and grouped by invoice."""
    found = select(journal_entry.c.invoice, func.sum(posting.c.amount_minor))
    return found.join(posting, posting.c.entry == journal_entry.c.id).where(
        posting.c.account == Account.RECEIVABLE.value
    )


def entry_rows(entries: Sequence[Entry], *, booked_at: Instant, locked_until: str | None) -> list[Row]:
    return [
        {
            "id": each.id,
            "kind": each.kind.value,
            "customer": each.customer,
            "invoice": each.invoice,
            "effective_at": each.effective_at,
            "effective_on": each.day.isoformat(),
            "accounting_period": booked_in(each.day, locked_until),
            "booked_at": booked_at,
            "reverses": each.reverses,
            "person": each.person,
            "reason": each.reason,
        }
        for each in entries
    ]


def posting_rows(entries: Sequence[Entry]) -> list[Row]:
    return [
        {
            "entry": entry.id,
            "ordinal": ordinal,
            "account": each.account.value,
            "currency": each.amount.currency.code,
            "amount_minor": each.amount.minor,
            "line": each.line,
            "reverses": each.reverses,
        }
        for entry in entries
        for ordinal, each in enumerate(entry.postings, start=1)
    ]


def _found(connection: Connection, where: ColumnElement[bool]) -> Entry | None:
    rows = connection.execute(_joined().where(where)).mappings().all()
    return _entry(rows) if rows else None


def _known(connection: Connection, selection: Selection) -> list[Entry]:
    return list(_grouped(connection.execute(_joined().where(_selected(selection))).mappings()))


def _joined() -> Select[tuple[Any, ...]]:
    columns = [column for column in posting.c if column.name not in ("entry", "reverses")]
    return (
        select(journal_entry, *columns, posting.c.reverses.label("posting_reverses"))
        .join(posting, posting.c.entry == journal_entry.c.id)
        .order_by(journal_entry.c.effective_at, journal_entry.c.id, posting.c.ordinal)
    )


def _grouped(rows: Iterable[RowMapping]) -> Iterator[Entry]:
    for _, found in groupby(rows, key=lambda row: row["id"]):
        yield _entry(list(found))


def _selected(selection: Selection) -> ColumnElement[bool]:
    asked = [
        column == value
        for column, value in (
            (journal_entry.c.customer, selection.customer),
            (journal_entry.c.invoice, selection.invoice),
        )
        if value is not None
    ]
    if selection.since is not None:
        asked.append(journal_entry.c.accounting_period >= selection.since)
    if selection.until is not None:
        asked.append(journal_entry.c.accounting_period <= selection.until)
    if selection.account is not None:
        on = select(posting.c.entry).where(posting.c.account == selection.account.value)
        asked.append(journal_entry.c.id.in_(on))
    return and_(true(), *asked)


def _balances(selection: Selection) -> Select[tuple[Any, ...]]:
    amount = posting.c.amount_minor
    columns = (posting.c.account, journal_entry.c.customer, posting.c.currency)
    query = (
        select(
            *columns,
            func.sum(case((amount > 0, amount), else_=0)).label("debits"),
            func.sum(case((amount < 0, amount), else_=0)).label("credits"),
        )
        .join(journal_entry, journal_entry.c.id == posting.c.entry)
        .where(_selected(selection))
        .group_by(*columns)
    )
    return query if selection.account is None else query.where(posting.c.account == selection.account.value)


def _standing() -> Select[tuple[Any, ...]]:
    """Postings for lines, each laid to the entry that it is of, or takes back."""
    root = func.coalesce(posting.c.reverses, journal_entry.c.reverses, journal_entry.c.id)
    columns = (posting.c.line, root.label("root"), posting.c.account)
    return (
        select(*columns, func.sum(posting.c.amount_minor).label("minor"))
        .join(journal_entry, journal_entry.c.id == posting.c.entry)
        .where(posting.c.line.is_not(None))
        .group_by(posting.c.line, root, posting.c.account)
    )


def _locks(connection: Connection) -> tuple[Lock, ...]:
    query = select(accounting_lock).order_by(accounting_lock.c.accounting_period)
    return tuple(
        Lock(row["accounting_period"], row["person"], row["reason"], Instant(row["locked_at"]))
        for row in connection.execute(query).mappings()
    )


def _entry(rows: Sequence[RowMapping]) -> Entry:
    """Raises `Unbalanced` where what is stored does not balance any more."""
    first = rows[0]
    return Entry(
        id=first["id"],
        kind=EntryKind(first["kind"]),
        customer=CustomerId(first["customer"]),
        effective_at=Instant(first["effective_at"]),
        postings=tuple(
            Posting(
                Account(row["account"]),
                Money(row["amount_minor"], currency(row["currency"])),
                None if row["line"] is None else LineId(row["line"]),
                row["posting_reverses"],
            )
            for row in rows
        ),
        reason=first["reason"],
        invoice=None if first["invoice"] is None else InvoiceId(first["invoice"]),
        reverses=first["reverses"],
        person=first["person"],
        accounting_period=first["accounting_period"],
        booked_at=Instant(first["booked_at"]),
        effective_on=date.fromisoformat(first["effective_on"]),
    )
