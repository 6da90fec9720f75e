"""The fifth tie: each way in which proposed entries could differ from the totals is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.close.test_reconcile_balances import MOVED, OPENING, PAID
from tieout.close.reconcile_ledger import TIE_BALANCED, TIE_LEDGER, TIE_LEDGER_LINES, ledger_breaks
from tieout.invoice.entries import proposed_entries
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, Posting

ENTRIES = proposed_entries(PAID, MOVED, OPENING)
Tamper = Callable[[Posting], Posting]


def ties(entries: tuple[Entry, ...]) -> set[str]:
    return {found.tie for found in ledger_breaks(PAID, MOVED, OPENING, entries)}


def changed(tamper: Tamper) -> tuple[Entry, ...]:
    return tuple(
        replace(each, postings=tuple(tamper(posting) for posting in each.postings)) for each in ENTRIES
    )


def moved_to(old: Account, new: Account) -> Tamper:
    return lambda posting: replace(posting, account=new) if posting.account is old else posting


def test_honest_entries_tie() -> None:
    assert [each.kind.value for each in ENTRIES] == ["accrual", "invoice", "credits-applied"]
    assert ties(ENTRIES) == set()


@pytest.mark.parametrize("old", [Account.RECEIVABLE, Account.REVENUE, Account.PAID_CREDITS])
@pytest.mark.parametrize("new", [Account.TAX_PAYABLE, Account.CUSTOMER_BALANCE, Account.FX])
def test_an_amount_on_another_account_is_a_break(old: Account, new: Account) -> None:
    assert TIE_LEDGER in ties(changed(moved_to(old, new)))


@pytest.mark.parametrize("left_out", range(len(ENTRIES)))
def test_an_entry_that_is_left_out_is_a_break(left_out: int) -> None:
    assert ties(ENTRIES[:left_out] + ENTRIES[left_out + 1 :])


def test_entries_twice_as_large_are_a_break() -> None:
    doubled = changed(lambda each: replace(each, amount=each.amount + each.amount))
    assert ties(doubled) == {TIE_LEDGER, TIE_LEDGER_LINES}


def test_an_entry_twice_or_of_another_customer_or_currency_is_a_break() -> None:
    assert TIE_BALANCED in ties((*ENTRIES, ENTRIES[0]))
    assert ties((replace(ENTRIES[0], customer=CustomerId("eve")), *ENTRIES[1:])) == {TIE_BALANCED}
    euros = changed(lambda each: replace(each, amount=Money(each.amount.minor, currency("EUR"))))
    assert TIE_BALANCED in ties(euros)


def test_revenue_of_another_line_is_a_break() -> None:
    other = changed(lambda each: each if each.line is None else replace(each, line=LineId("in_0-099")))
    assert ties(other) == {TIE_LEDGER_LINES}
