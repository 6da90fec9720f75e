"""The ledger of three months agrees with a second computation from the printed documents."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from tests.ledgers import make_ledger_home
from tests.naive_ledger import TOGETHER, naive_balances
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.verify_books import verify_books
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection
from tieout.ledger.entry import EntryKind
from tieout.wiring import Home

SOLD = {"bought": ("ink", "20.00", "USD"), "yen": ("yen:co/1", "900", "JPY")}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made, _ = make_ledger_home(tmp_path_factory.mktemp("ledger") / "home")
    with made:
        yield made


def documents(home: Home) -> list[dict[str, Any]]:
    return [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]


def balance(home: Home, account: Account, customer: str) -> str:
    found = [each for each in home.books.ledger.balances() if each.customer == customer]
    return next((each.amount.decimal_text for each in found if each.account is account), "none")


def test_balances_are_what_the_documents_say(home: Home) -> None:
    found: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    expired = {"yen:co/1": Fraction(900)}  # nothing was used by then; the grant of ink was used up
    for each in home.books.ledger.balances():
        account, amount = each.account.value, each.amount.as_fraction()
        if each.account is Account.BREAKAGE:
            gone = expired.get(each.customer, Fraction(0))
            found["credits-left", each.customer, each.currency.code] -= gone
            amount += gone
            account = "earned"
        found[TOGETHER.get(account, account), each.customer, each.currency.code] += amount
    assert {key: amount for key, amount in found.items() if amount} == naive_balances(documents(home), SOLD)


def test_what_was_billed_in_advance_is_deferred_until_it_is_over(home: Home) -> None:
    assert balance(home, Account.DEFERRED_REVENUE, "ink") == "0.00"  # it ended, in the middle of a fee
    assert balance(home, Account.DEFERRED_REVENUE, "yen:co/1") == "-1000"  # the fee of April
    assert balance(home, Account.DEFERRED_REVENUE, "dinar-bh") == "-2.801"  # 3.333 less 19/119 of it
    assert balance(home, Account.UNBILLED_RECEIVABLE, "ink") == "0.00"


def test_january_of_new_york_is_booked_in_january(home: Home) -> None:
    accruals = [
        each
        for each in home.books.ledger.entries(Selection(until="2026-01"))
        if each.kind is EntryKind.ACCRUAL
    ]
    assert {each.customer for each in accruals} == {"ink", "yen:co/1", "dinar-bh"}
    assert all(each.day.isoformat() == "2026-01-31" for each in accruals)


def test_promotional_credits_reduce_the_revenue_of_the_period_they_pay_for(home: Home) -> None:
    january = [
        each for each in home.books.ledger.balances(Selection(until="2026-01")) if each.customer == "ink"
    ]
    assert [each.amount.decimal_text for each in january if each.account is Account.PROMOTIONAL_CREDITS] == [
        "5.01"
    ]


def test_an_honest_ledger_has_no_finding(home: Home) -> None:
    assert verify_books(home).findings == ()
