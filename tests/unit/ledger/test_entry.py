"""An entry whose debits and credits differ cannot be made."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import CLASSES, MEANINGS, Account
from tieout.ledger.entry import Entry, EntryKind, Posting, Unbalanced

AMOUNTS = st.lists(
    st.tuples(st.sampled_from(["USD", "EUR", "JPY"]), st.integers(-(10**9), 10**9)), max_size=8
)


def entry(amounts: Sequence[tuple[str, int]]) -> Entry:
    postings = tuple(Posting(Account.RECEIVABLE, Money(minor, currency(code))) for code, minor in amounts)
    return Entry("e", EntryKind.MANUAL, CustomerId("c"), Instant(0), postings, "a test")


def balanced(amounts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """With what each currency lacks."""
    sums = {code: sum(minor for each, minor in amounts if each == code) for code, _ in amounts}
    return [*amounts, *((code, -minor) for code, minor in sums.items())]


@given(AMOUNTS)
def test_entries_that_balance_in_every_currency_exist(amounts: list[tuple[str, int]]) -> None:
    assert len(entry(balanced(amounts)).postings) == len(balanced(amounts))


@given(AMOUNTS.filter(bool), st.integers(1, 10**9))
def test_and_no_others(amounts: list[tuple[str, int]], off: int) -> None:
    code, minor = balanced(amounts)[0]
    with pytest.raises(Unbalanced, match=f"off by {off} minor units of {code}"):
        entry([(code, minor + off), *balanced(amounts)[1:]])


def test_currencies_do_not_balance_each_other() -> None:
    with pytest.raises(Unbalanced, match="5 minor units of USD"):
        entry([("USD", 5), ("EUR", -5)])


def test_every_account_has_a_class_and_a_meaning() -> None:
    assert set(CLASSES) == set(Account) == set(MEANINGS)
