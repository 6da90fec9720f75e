"""Corrections, notes, credits, voids, payments and interims on SQLite and on PostgreSQL: whole stories give
the same papers, reports and ledger to the byte; and of two people at once who do not go together, one is
refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults.decider import decide
from tests.scenarios.frame import HERE
from tests.scenarios.play import played as play_story
from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.correct import preview, reports
from tieout.flows.export_ledger import export_ledger
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.payments import list_payments
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.gateways.entropy import SystemEntropy
from tieout.kernel.errors import ConflictError, Refusal
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import parse_instant
from tieout.ledger.account import Account
from tieout.ledger.balances import EVERYTHING, Selection, open_receivable
from tieout.store.books.corrections import SqlCorrections
from tieout.store.books.disputes import SqlDisputes
from tieout.store.books.invoices import SqlInvoices
from tieout.store.books.ledger import SqlLedger
from tieout.wiring import open_home

ACME = CustomerId("acme")
FEBRUARY_10 = parse_instant("2026-02-10T00:00:00Z")
STORIES = (
    "late_paths_side_by_side",
    "price_error_after_the_seal",
    "credit_note_after_payment",
    "paid_and_corrected",
    "void_with_a_replacement",
    "interim_volume_price_drops",
)
Decision = tuple[str, ...]


def played(story: Path, folder: Path) -> dict[str, Any]:
    """Everything that people keep of a story."""
    folder.mkdir()
    with play_story(story.name, folder).home as home:
        documents = [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]
        assert verify_books(home).findings == ()
        kept = {
            "documents": [_without_signatures(each) for each in documents],
            "traced": [
                trace(home, LineId(line["id"])).reproduced.matches
                for each in documents
                for line in each["lines"]
            ],
            "reports": reports(home),
            "billed": sorted(home.books.corrections.billed(), key=str),
            "voids": [(each.invoice.number, each.reason) for each in home.books.corrections.voids()],
            "payments": list_payments(home, EVERYTHING),
        }
        for name in ("hledger", "beancount", "csv"):
            export_ledger(home, name, folder / name, since=None, until=None)
            kept[name] = (folder / name).read_text()
    return kept


def _without_signatures(document: dict[str, Any]) -> dict[str, Any]:
    """Keys are made anew for each home."""
    return {**document, "policy": {**document["policy"], "signatures": None}}


@pytest.mark.parametrize("story", STORIES)
def test_both_databases_tell_the_same_story(
    story: str, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = count()
    monkeypatch.setattr(SystemEntropy, "token", lambda _self, size: next(drawn).to_bytes(size, "big"))
    on_sqlite = played(HERE / story, tmp_path / "sqlite")
    assert on_sqlite["documents"] and all(on_sqlite["traced"])
    drawn = count()
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    on_postgres = played(HERE / story, tmp_path / "postgres")
    for part, expected in on_sqlite.items():
        assert on_postgres[part] == expected, part


@pytest.fixture(params=["sqlite", "postgres"])
def sealed(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """A home whose January is sealed, and the number of acme's invoice."""
    if request.param == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
        close(home, as_of=clock.now())
        number = list_invoices(home, ACME)[0].number
    assert number is not None
    return tmp_path / "home", number


def opened(folder: Path) -> Home:
    return open_home(folder, clock=SteppedClock(FEBRUARY_10))


def at_once(folder: Path, monkeypatch: pytest.MonkeyPatch, *decisions: Decision) -> list[str]:
    """What each of the people is told, where both have read the books before either writes."""
    both_read = threading.Barrier(len(decisions))
    writing: set[int] = set()

    def waiting(write: Callable[..., Any]) -> Callable[..., Any]:
        def after_all_have_read(*given: Any, **named: Any) -> Any:
            if threading.get_ident() not in writing:
                writing.add(threading.get_ident())
                both_read.wait(timeout=60)
            return write(*given, **named)

        return after_all_have_read

    told = [""] * len(decisions)

    def person(place: int) -> None:
        try:
            with opened(folder) as home:
                decide(home, *decisions[place])
            told[place] = "done"
        except ConflictError as error:
            told[place] = error.code

    with monkeypatch.context() as patched:
        for store, name in (
            (SqlInvoices, "seal"),
            (SqlCorrections, "void"),
            (SqlCorrections, "approve"),
            (SqlLedger, "post"),
            (SqlDisputes, "record"),
        ):
            patched.setattr(store, name, waiting(getattr(store, name)))
        people = [threading.Thread(target=person, args=(place,)) for place in range(len(decisions))]
        for each in people:
            each.start()
        for each in people:
            each.join()
    return told


def owed(home: Home, account: Account = Account.RECEIVABLE) -> int:
    balances = home.books.ledger.balances(Selection(customer=ACME, account=account))
    return sum(each.amount.minor for each in balances)


def test_two_credits_at_once_give_a_line_back_once(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, number = sealed
    credit = ("credit", number, "1")
    assert sorted(at_once(folder, monkeypatch, credit, credit)) == ["credit-overtaken", "done"]
    with opened(folder) as home:
        notes = [each for each in list_invoices(home, ACME) if each.kind == "note"]
        assert [each.number for each in notes] == ["INV-CN-000001"]
        assert home.books.invoices.last_numbers() == {"INV": 3, "INV-CN": 1}
        with pytest.raises(Refusal, match="nothing is left"):
            decide(home, *credit)
        assert verify_books(home).findings == ()


def test_a_void_and_a_credit_at_once_do_not_both_happen(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, number = sealed
    told = at_once(folder, monkeypatch, ("void", number), ("credit", number, "1"))
    assert sorted(told) == ["done", "papers-moved"]
    with opened(folder) as home:
        notes = [each for each in list_invoices(home, ACME) if each.kind == "note"]
        assert len(home.books.corrections.voids()) + len(notes) == 1
        assert verify_books(home).findings == ()


def test_two_voids_at_once_reverse_an_invoice_once(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, number = sealed
    void = ("void", number)
    assert sorted(at_once(folder, monkeypatch, void, void)) == ["done", "papers-moved"]
    with opened(folder) as home:
        assert len(home.books.corrections.voids()) == 1 and owed(home) == 0
        assert verify_books(home).findings == ()


def test_a_payment_at_the_moment_of_a_void_is_the_customer_s_or_the_void_is_refused(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, number = sealed
    voided, paid = at_once(folder, monkeypatch, ("void", number), ("pay", number, "1.00"))
    assert (voided, paid) in {("done", "done"), ("papers-moved", "done")}
    with opened(folder) as home:
        invoice = home.books.invoices.find(number)
        assert invoice is not None
        whole = invoice.total_minor
        left = open_receivable(home.books.ledger.entries(Selection(customer=ACME)), invoice.id)
        expected = (0, -100) if voided == "done" else (whole - 100, 0)
        assert (left, owed(home, Account.CUSTOMER_BALANCE)) == expected
        assert verify_books(home).findings == ()


def test_two_approvals_at_once_are_one(sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = sealed
    with opened(folder) as home:
        ingest(home, [call(9001, "acme", "2026-01-05T00:00:00Z")], "late.ndjson")
        digest = preview(home, person="Ann", reason="a queue was stuck").digest
    assert digest is not None
    approval = ("approve", digest)
    assert sorted(at_once(folder, monkeypatch, approval, approval)) == ["decided-already", "done"]
    with opened(folder) as home:
        (report,) = reports(home)
        assert [each.person for each in report.approvals] == ["Bob"]
