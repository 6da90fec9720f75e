"""An invoice's list says what its document asks for, and what of that is still owed: after payments, credit
notes and voids. The owed sums are worked out here by subtraction.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.payments import record_payment
from tieout.flows.void_invoice import void_invoice
from tieout.kernel.errors import Unavailable
from tieout.kernel.ids import CustomerId
from tieout.store.books.papers import PapersMoved
from tieout.store.sqlite import open_engine

ACME = CustomerId("acme")
DECIDED = {"person": "Ann", "reason": "an outage", "approved_by": "Bob"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    ingest(made, january())
    close(made, as_of=clock.now())
    return made


def listed(home: Home) -> list[tuple[str, str, str, str | None]]:
    return [
        (row.kind, row.status, row.due.decimal_text, None if row.open is None else row.open.decimal_text)
        for row in list_invoices(home, ACME)
    ]


def pay(home: Home, amount: str, reference: str) -> None:
    invoice = list_invoices(home, ACME)[0].id
    record_payment(home, invoice, amount=amount, reference=reference, person="Fay", received_at=None)


def credit(home: Home, amount: str) -> None:
    invoice = list_invoices(home, ACME)[0].id
    credit_invoice(home, invoice, line="3", amount=amount, kind="goodwill", **DECIDED)  # type: ignore[arg-type]


def runs_without_an_end(home: Home) -> int:
    engine = open_engine(home.folder / "books.db", schema="books")
    with engine.connect() as connection:
        count: int = connection.execute(
            text("SELECT count(*) FROM close_run WHERE ended_at IS NULL")
        ).scalar_one()
    engine.dispose()
    return count


def test_an_unpaid_invoice_is_open_whole(home: Home) -> None:
    assert listed(home) == [("final", "sealed", "31.13", "31.13")]


def test_payments_leave_the_rest_open_and_no_more_than_nothing(home: Home) -> None:
    pay(home, "11.13", "bank-1")
    assert listed(home) == [("final", "sealed", "31.13", "20.00")]
    pay(home, "50.00", "bank-2")  # 30.00 of it are the customer's balance
    assert listed(home) == [("final", "sealed", "31.13", "0.00")]


def test_a_credit_note_is_taken_off_the_invoice_and_is_never_open_itself(home: Home) -> None:
    credit(home, "10.00")
    assert listed(home) == [("final", "sealed", "31.13", "21.13"), ("note", "sealed", "-10.00", "0.00")]


def test_of_a_voided_invoice_nothing_is_open(home: Home) -> None:
    (invoice,) = list_invoices(home, ACME)
    void_invoice(home, invoice.id, **DECIDED)  # type: ignore[arg-type]
    assert listed(home) == [("final", "voided", "31.13", "0.00")]


def test_what_was_sealed_before_there_was_a_ledger_says_nothing(home: Home) -> None:
    (invoice,) = list_invoices(home, ACME)
    engine = open_engine(home.folder / "books.db", schema="books")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO invoice_before_ledger (invoice) VALUES (:invoice)"), {"invoice": invoice.id}
        )
    engine.dispose()
    assert listed(home) == [("final", "sealed", "31.13", None)]


def test_a_refused_credit_ends_its_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = type(home.books.invoices).seal

    def overtaken(*_args: object, **_named: object) -> object:
        raise PapersMoved(ACME)

    monkeypatch.setattr(type(home.books.invoices), "seal", overtaken)
    with pytest.raises(PapersMoved):
        credit(home, "10.00")
    monkeypatch.setattr(type(home.books.invoices), "seal", seal)
    assert runs_without_an_end(home) == 0
    assert listed(home) == [("final", "sealed", "31.13", "31.13")]


def test_a_credit_whose_outcome_nobody_knows_is_told_by_the_next_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = type(home.books.invoices).seal

    class Gone(Unavailable):
        code = "gone"

    def lost(*args: object, **named: object) -> object:
        seal(*args, **named)  # type: ignore[arg-type]
        raise Gone("the connection is lost")

    monkeypatch.setattr(type(home.books.invoices), "seal", lost)
    with pytest.raises(Gone):
        credit(home, "10.00")
    monkeypatch.setattr(type(home.books.invoices), "seal", seal)
    assert runs_without_an_end(home) == 1
    assert "sealed as INV-CN-000001" not in {each.reason for each in home.books.closes.latest()}
    close(home, as_of=FEBRUARY_3)
    assert "sealed as INV-CN-000001" in {each.reason for each in home.books.closes.latest()}
