"""Months: where an entry is booked, and which month may be locked."""

from __future__ import annotations

from datetime import date

import pytest

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting
from tieout.ledger.lock import Lock, NotLockable, next_lock
from tieout.ledger.month import MalformedMonth, booked_in, month_after, parse_month

NOW = parse_instant("2026-03-10T00:00:00Z")


def lock(month: str, at: Instant = NOW) -> Lock:
    return Lock(month, "Bram", "closed", at)


@pytest.mark.parametrize(
    ("day", "until", "month"),
    [
        (date(2026, 1, 31), None, "2026-01"),
        (date(2026, 1, 31), "2025-12", "2026-01"),
        (date(2026, 1, 31), "2026-01", "2026-02"),
        (date(2026, 1, 31), "2026-12", "2027-01"),
    ],
)
def test_what_takes_effect_in_a_locked_month_is_booked_in_the_first_open_one(
    day: date, until: str | None, month: str
) -> None:
    assert booked_in(day, until) == month


def test_an_entry_that_was_booked_later_has_the_first_day_of_that_month_in_the_books() -> None:
    usd = currency("USD")
    postings = (Posting(Account.CLEARING, Money(1, usd)), Posting(Account.RECEIVABLE, Money(-1, usd)))
    made = Entry("e", EntryKind.MANUAL, CustomerId("c"), NOW, postings, "a test", accounting_period="2026-05")
    assert made.day == date(2026, 3, 10)
    assert made.booked_on == date(2026, 5, 1)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "26-01", "2026-1", "2026-01 ", "0000-01", "9999-12", "x"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(MalformedMonth):
        parse_month(text)


def test_months_are_locked_in_order_once_they_have_ended() -> None:
    first = next_lock([], lock("2026-01"))
    assert next_lock([first], lock("2026-02")).month == "2026-02"
    for month, why in (("2026-01", "locked already"), ("2025-12", "locked already"), ("2026-03", "in order")):
        with pytest.raises(NotLockable, match=why):
            next_lock([first], lock(month))
    with pytest.raises(NotLockable, match="has not ended"):
        next_lock([], lock("2026-03"))
    assert next_lock([], lock("2026-03", parse_instant("2026-04-01T00:00:00Z")))
    assert month_after("2026-12") == "2027-01"
