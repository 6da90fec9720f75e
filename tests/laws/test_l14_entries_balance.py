"""L14: debits = credits in every entry, a balance is the sum of its postings, corrections reverse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tieout.kernel.ids import CustomerId, HomeId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection, trial_balance
from tieout.ledger.entry import Entry, EntryKind, Posting
from tieout.ledger.lock import Lock, next_lock
from tieout.ledger.month import month_of
from tieout.ledger.reversal import reversed_entry
from tieout.store.books.books import SqlBooks, create_books
from tieout.store.books.ledger import AlreadyPosted
from tieout.store.sqlite import begin_immediate

NOW = parse_instant("2026-06-15T00:00:00Z")
TABLES = ("journal_entry", "posting", "accounting_lock", "manual_entry", "manual_entry_decision")
serial = count()

amounts = st.integers(1, 10**15).map(lambda minor: minor)
legs = st.lists(
    st.tuples(st.sampled_from(list(Account)), st.sampled_from(list(Account)), amounts), min_size=1, max_size=4
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    unit = currency(draw(st.sampled_from(["USD", "JPY", "BHD"])))
    postings = [
        posting
        for debit, credit, minor in draw(legs)
        for posting in (Posting(debit, Money(minor, unit)), Posting(credit, Money(-minor, unit)))
    ]
    return Entry(
        id=f"test/{next(serial)}",
        kind=EntryKind.MANUAL,
        customer=CustomerId(draw(st.sampled_from(["acme", "birch"]))),
        effective_at=Instant(draw(st.integers(0, NOW))),
        postings=tuple(postings),
        reason=draw(st.sampled_from(["a", "b; |", "\u200f\n"])),
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest) -> Iterator[SqlBooks]:
    url = None
    if request.param == "postgresql":
        url = next(request.getfixturevalue("postgres"))
    with TemporaryDirectory() as folder:
        made = create_books(Path(folder), HomeId("home_1"), url=url)
        yield made
        made.close()


def naive(entries_: list[Entry]) -> dict[tuple[str, str, str], int]:
    """Every balance, posting by posting."""
    sums: dict[tuple[str, str, str], int] = {}
    for entry in entries_:
        for posting in entry.postings:
            key = (posting.account.value, entry.customer, posting.amount.currency.code)
            sums[key] = sums.get(key, 0) + posting.amount.minor
    return sums


@given(st.lists(entries(), min_size=1, max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_balance_is_the_sum_of_its_postings_and_all_balances_come_to_zero(
    books: SqlBooks, made: list[Entry]
) -> None:
    posted = books.ledger.post(lambda _: made, seen=Selection(customer=CustomerId("acme")), booked_at=NOW)
    assert [(each.id, each.postings, each.reason) for each in posted] == [
        (each.id, each.postings, each.reason) for each in made
    ]
    known = list(books.ledger.entries())
    stored = {
        (each.account.value, each.customer, each.currency.code): each.amount.minor
        for each in books.ledger.balances()
    }
    assert stored == naive(known)
    sums: dict[str, int] = {}
    for row in trial_balance(books.ledger.balances()):
        sums[row.currency.code] = sums.get(row.currency.code, 0) + row.amount.minor
    assert not any(sums.values())


@given(entries())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_correction_reverses_once_and_leaves_the_entry_as_it_was(books: SqlBooks, made: Entry) -> None:
    everything = Selection(customer=made.customer)
    before = naive(list(books.ledger.entries(everything)))
    books.ledger.post(lambda _: [made], seen=everything, booked_at=NOW)
    books.ledger.post(lambda _: [reversed_entry(made, reason="wrong")], seen=everything, booked_at=NOW)
    after = naive(list(books.ledger.entries(everything)))
    assert {key: minor for key, minor in after.items() if minor} == {
        key: minor for key, minor in before.items() if minor
    }
    found = books.ledger.find(made.id)
    assert found is not None and found.postings == made.postings
    for again in (made, reversed_entry(made, reason="twice")):
        with pytest.raises(AlreadyPosted):
            books.ledger.post(lambda _, again=again: [again], seen=everything, booked_at=NOW)  # type: ignore[misc]


def test_what_takes_effect_in_a_locked_month_is_booked_in_the_first_open_one(books: SqlBooks) -> None:
    for month in ("2026-04", "2026-05"):
        books.ledger.lock(lambda locks, month=month: next_lock(locks, Lock(month, "Bram", "done", NOW)))  # type: ignore[misc]
    usd = currency("USD")
    postings = (Posting(Account.CLEARING, Money(1, usd)), Posting(Account.RECEIVABLE, Money(-1, usd)))
    at = parse_instant("2026-03-01T00:00:00Z")
    late = Entry("late", EntryKind.MANUAL, CustomerId("acme"), at, postings, "late")
    (posted,) = books.ledger.post(lambda _: [late], seen=Selection(), booked_at=NOW)
    assert posted.accounting_period == "2026-06"
    assert posted.effective_at == at and month_of(posted.day) == "2026-03"
    assert [each.month for each in books.ledger.locks()] == ["2026-04", "2026-05"]
    chosen = books.ledger.entries(Selection(since="2026-06", until="2026-06"))
    assert "late" in {each.id for each in chosen}


def test_the_database_refuses_to_change_or_delete_what_was_posted(books: SqlBooks) -> None:
    dialect = books.engine.dialect.name
    _fill(books)
    for table in ("journal_entry", "posting", "accounting_lock"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {_a_column(table)}"):
            with pytest.raises(DBAPIError, match="is final"), begin_immediate(books.engine) as connection:
                connection.execute(text(statement))
    if dialect == "sqlite":
        columns = "entry, ordinal, account, currency, 0, line, reverses, folio"
        again = f"INSERT OR REPLACE INTO posting SELECT {columns} FROM posting"
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(books.engine) as connection:
            connection.execute(text(again))
        return
    for table in TABLES:
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(books.engine) as connection:
            connection.execute(text(f"TRUNCATE {table} CASCADE"))


def _fill(books: SqlBooks) -> None:
    """A row in each table, where no test before has left one: a statement on none is refused by nobody."""
    usd = currency("USD")
    if not list(books.ledger.entries(Selection())):
        postings = (Posting(Account.CLEARING, Money(1, usd)), Posting(Account.RECEIVABLE, Money(-1, usd)))
        entry = Entry("one", EntryKind.MANUAL, CustomerId("acme"), NOW, postings, "one")
        books.ledger.post(lambda _: [entry], seen=Selection(), booked_at=NOW)
    if not books.ledger.locks():
        books.ledger.lock(lambda locks: next_lock(locks, Lock("2026-04", "Bram", "done", NOW)))


def _a_column(table: str) -> str:
    return {
        "journal_entry": "accounting_period = '2020-01'",
        "posting": "amount_minor = 0",
        "accounting_lock": "person = 'Eve'",
    }[table]
