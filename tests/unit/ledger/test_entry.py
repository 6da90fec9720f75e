"""An entry whose debits and credits differ cannot be made."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import CLASSES, Account
from tieout.ledger.entry import Entry, EntryKind, Posting, Unbalanced


def entry(amounts: Sequence[tuple[str, int]]) -> Entry:
    postings = tuple(Posting(Account.RECEIVABLE, Money(minor, currency(code))) for code, minor in amounts)
    return Entry("e", EntryKind.MANUAL, CustomerId("c"), Instant(0), postings, "a test")


@given(st.lists(st.tuples(st.sampled_from(["USD", "EUR", "JPY"]), st.integers(-(10**9), 10**9)), max_size=8))
def test_only_entries_that_balance_in_every_currency_exist(amounts: list[tuple[str, int]]) -> None:
    balanced = all(sum(minor for code, minor in amounts if code == each) == 0 for each, _ in amounts)
    if balanced:
        entry(amounts)
    else:
        with pytest.raises(Unbalanced):
            entry(amounts)


def test_currencies_do_not_balance_each_other() -> None:
    with pytest.raises(Unbalanced, match="5 minor units of USD"):
        entry([("USD", 5), ("EUR", -5)])


def test_every_account_has_a_class() -> None:
    assert set(CLASSES) == set(Account)
