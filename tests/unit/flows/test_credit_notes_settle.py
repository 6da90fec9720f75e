"""A paper below zero goes against what is open of the invoices that it corrects, in the transaction that
seals it: whoever dies then leaves both or neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.payments import record_payment
from tieout.flows.verify_books import verify_books
from tieout.kernel.ids import CustomerId
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection, open_receivable
from tieout.store.books import invoices

ACME = CustomerId("acme")
DECIDED = {"person": "Ann", "reason": "an outage", "approved_by": "Bob", "kind": "goodwill"}


class Died(Exception):
    pass


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    ingest(made, january())
    close(made, as_of=clock.now())
    return made


def balances(home: Home) -> dict[Account, str]:
    found = home.books.ledger.balances(Selection(customer=ACME))
    return {each.account: each.amount.decimal_text for each in found if each.amount.minor}


@pytest.mark.parametrize(("step", "left"), [("seal-before-commit", "31.13"), ("seal-after-commit", "21.13")])
def test_a_credit_and_what_it_pays_are_one_transaction(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: str, left: str
) -> None:
    (invoice,) = list_invoices(home, ACME)

    def die(name: str) -> None:
        if name == step:
            raise Died

    monkeypatch.setattr(invoices, "crash_point", die)
    with pytest.raises(Died):
        credit_invoice(home, invoice.id, line="3", amount="10.00", **DECIDED)  # type: ignore[arg-type]
    open_ = open_receivable(home.books.ledger.entries(), invoice.id)
    assert f"{open_ / 100:.2f}" == left
    assert Account.CUSTOMER_BALANCE not in balances(home)
    assert verify_books(home).findings == ()


def test_a_payment_that_came_in_between_leaves_less_to_pay(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is posted while the note is being sealed: after everything was read, before anything is written."""
    (invoice,) = list_invoices(home, ACME)
    seal = type(home.books.invoices).seal

    def paid_meanwhile(*args: object, **named: object) -> object:
        record_payment(home, invoice.id, amount="27.13", reference="bank-1", person="Fay", received_at=None)
        return seal(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(home.books.invoices), "seal", paid_meanwhile)
    credited = credit_invoice(home, invoice.id, line="3", amount="10.00", to="refund", **DECIDED)  # type: ignore[arg-type]
    assert (credited.applied.decimal_text, credited.rest.decimal_text) == ("4.00", "6.00")
    assert balances(home) == {Account.CLEARING: "21.13", Account.REVENUE: "-21.13"}
