"""Corrections between two people: what is refused, what is billed once, and what stays late."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.reviewed_home import make_reviewed_home
from tests.small_home import FEBRUARY_3, MARCH_3, call, ingest, january, make_home
from tests.unit.flows.test_cycle_ties import state
from tieout.cli.invoice_page import invoice_page
from tieout.close.outcome import Held
from tieout.close.reconcile_cycle import TIE_ALERT, TIE_CONTROL_TOTAL
from tieout.flows.apply_catalog import NoSuchCustomer
from tieout.flows.close_periods import close
from tieout.flows.correct import ReportBilled, SelfApproved, StaleReport, approve, preview
from tieout.flows.credit_invoice import CreditTooLarge, credit_invoice
from tieout.flows.drafts import list_drafts
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.measure_usage import usage
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import VoidRefused, void_invoice
from tieout.flows.watch_pipeline import watch_to_head
from tieout.gateways.clock import SteppedClock
from tieout.invoice.stored_document import read_document
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import parse_instant
from tieout.kernel.money import Money, currency
from tieout.ledger.balances import Selection
from tieout.ledger.standing import Standing, standing_of
from tieout.store.books.papers import PapersMoved

ACME = CustomerId("acme")
LATE = "2026-01-05T00:00:00Z"


@pytest.fixture
def closed(tmp_path: Path) -> tuple[Home, SteppedClock]:
    """January is sealed, and one event of it came late."""
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    ingest(home, january())
    close(home, as_of=clock.now())
    clock.set_to(parse_instant("2026-02-10T00:00:00Z"))
    ingest(home, [call(9001, "acme", LATE, tokens=10_000)], "late.ndjson")
    return home, clock


def lines_of(home: Home, customer: str) -> list[dict[str, object]]:
    return [
        line
        for row in list_invoices(home, CustomerId(customer))
        for line in json.loads(show_invoice(home, row.id).document)["lines"]
    ]


def test_whoever_previews_does_not_approve(closed: tuple[Home, SteppedClock]) -> None:
    home, _ = closed
    report = preview(home, person="Ann", reason="a queue was stuck")
    assert report.digest is not None
    with pytest.raises(SelfApproved):
        approve(home, report.digest, person=" ann", reason="mine")


def test_a_report_is_stale_once_more_came(closed: tuple[Home, SteppedClock]) -> None:
    home, _ = closed
    report = preview(home, person="Ann", reason="a queue was stuck")
    assert report.digest is not None
    ingest(home, [call(9002, "acme", LATE, tokens=5)], "later.ndjson")
    with pytest.raises(StaleReport, match="acme"):
        approve(home, report.digest, person="Bob", reason="fine")


def test_nothing_is_billed_without_approval_and_what_is_approved_once(
    closed: tuple[Home, SteppedClock],
) -> None:
    home, clock = closed
    report = preview(home, person="Ann", reason="a queue was stuck")
    assert report.digest is not None
    clock.set_to(MARCH_3)
    close(home, as_of=clock.now())
    assert not [line for line in lines_of(home, "acme") if "correction" in line]
    assert [row.event_count for row in usage(home, ACME, at=None).late] == [1, 1]
    approve(home, report.digest, person="Bob", reason="fine")
    ingest(home, [call(9002, "acme", LATE, tokens=5)], "later.ndjson")
    clock.set_to(parse_instant("2026-04-03T00:00:00Z"))
    close(home, as_of=clock.now())
    clock.set_to(parse_instant("2026-05-03T00:00:00Z"))
    close(home, as_of=clock.now())
    corrected = [line for line in lines_of(home, "acme") if "correction" in line]
    assert [(line["quantity"], line["amount"]) for line in corrected] == [("1", "0.02"), ("10000", "15.00")]
    assert [row.event_count for row in usage(home, ACME, at=None).late] == [1, 1], "what came later is late"
    with pytest.raises(ReportBilled, match="approved by Bob at 2026-03-03"):
        approve(home, report.digest, person="Cid", reason="fine")


def test_of_very_many_stale_periods_a_few_are_named() -> None:
    said = str(StaleReport("d" * 64, [f"c{number}, period p" for number in range(100_000)]))
    assert "c4, period p and 99995 more" in said and len(said) < 400


def test_a_credit_counts_what_others_credited(closed: tuple[Home, SteppedClock]) -> None:
    home, _ = closed
    number = list_invoices(home, ACME)[0].number
    assert number is not None
    decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob", "kind": "goodwill"}
    credit_invoice(home, number, line="3", amount="10.00", **decided)  # type: ignore[arg-type]
    with pytest.raises(CreditTooLarge, match=r"6\.05 USD"):
        credit_invoice(home, number, line="3", amount="6.06", **decided)  # type: ignore[arg-type]
    with pytest.raises(VoidRefused, match="credited it"):
        void_invoice(home, number, person="Ann", reason="x", approved_by="Bob")


def test_two_credits_at_once_do_not_pass_the_cap_together(
    closed: tuple[Home, SteppedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second saw the papers before the first was sealed: the sealing transaction refuses it."""
    home, _ = closed
    number = list_invoices(home, ACME)[0].number
    assert number is not None
    decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob", "kind": "goodwill"}
    store = type(home.books.corrections)
    seen, rows = home.books.corrections.papers(ACME), home.books.corrections.settled([ACME])
    credit_invoice(home, number, line="3", amount="10.00", **decided)  # type: ignore[arg-type]
    monkeypatch.setattr(store, "papers", lambda *_: seen)
    monkeypatch.setattr(store, "settled", lambda *_: rows)
    with pytest.raises(PapersMoved):
        credit_invoice(home, number, line="3", amount="10.00", **decided)  # type: ignore[arg-type]


def test_a_misspelt_customer_is_not_one_without_anything_to_show(closed: tuple[Home, SteppedClock]) -> None:
    home, _ = closed
    with pytest.raises(NoSuchCustomer):
        preview(home, person="Ann", reason="a queue was stuck", customers=(CustomerId("amce"),))
    with pytest.raises(NoSuchCustomer):
        list_invoices(home, CustomerId("amce"))
    with pytest.raises(NoSuchCustomer):
        list_drafts(home, "amce")


def test_an_adjustment_leads_to_its_entries_and_to_those_of_what_it_corrects(
    closed: tuple[Home, SteppedClock],
) -> None:
    home, clock = closed
    report = preview(home, person="Ann", reason="a queue was stuck")
    assert report.digest is not None
    approve(home, report.digest, person="Bob", reason="fine")
    clock.set_to(MARCH_3)
    close(home, as_of=clock.now())
    (line, *_) = [each for each in lines_of(home, "acme") if each["amount"] == "15.00"]
    found = trace(home, LineId(str(line["id"]))).bearings
    assert found.correction is not None and found.correction.original is not None
    (earlier,) = found.earlier
    assert earlier.line == found.correction.original
    assert [(each.line, each.accounting_period, each.amount.decimal_text) for each in found.postings] == [
        (earlier.line, "2026-01", f"-{earlier.amount.decimal_text}"),
        (earlier.line, "2026-01", earlier.amount.decimal_text),
        (line["id"], "2026-01", f"-{(earlier.amount + Money(1500, currency('USD'))).decimal_text}"),
    ]
    original, back, anew = found.postings
    assert (original.reverses, back.reverses, anew.reverses) == (None, original.entry, None)
    entries = {each.id: each for each in home.books.ledger.entries()}
    assert [entries[each.entry].reason for each in found.postings] == [
        "used and not billed yet",
        "what stood for a sealed period that is corrected",
        "what a sealed period comes to as corrected",
    ]
    of_the_original = trace(home, earlier.line).bearings.postings
    assert of_the_original == (original, back), "the original's own trace says what became of its posting"


def test_a_credit_names_the_invoice_and_what_was_and_is_left_of_the_line(
    closed: tuple[Home, SteppedClock],
) -> None:
    home, _ = closed
    number = list_invoices(home, ACME)[0].number
    assert number is not None
    decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob", "kind": "goodwill"}
    for amount in ("10.00", None):
        credit_invoice(home, number, line="3", amount=amount, **decided)  # type: ignore[arg-type]
    said = [line["correction"]["reason"] for line in lines_of(home, "acme") if "correction" in line]  # type: ignore[index]
    assert said == [
        f"an outage (agreed by Ann, approved by Bob); of this line of {number} there were {before}, "
        f"and {after} are left"
        for before, after in (("16.05 USD", "6.05 USD"), ("6.05 USD", "0.00 USD"))
    ]


def test_a_credit_note_asks_for_no_payment_by_a_day(closed: tuple[Home, SteppedClock]) -> None:
    home, _ = closed
    (invoice,) = list_invoices(home, ACME)
    decided = {"person": "Ann", "reason": "an outage", "approved_by": "Bob", "kind": "goodwill"}
    note = credit_invoice(home, invoice.id, line="3", amount="10.00", **decided).note  # type: ignore[arg-type]
    for id_, is_asked in ((invoice.id, True), (note.id, False)):
        console = Console(width=140, record=True, file=StringIO())
        console.print(invoice_page(read_document(id_, show_invoice(home, id_).document)))
        assert ("Due  " in console.export_text()) is is_asked


@pytest.fixture
def noting(tmp_path: Path) -> tuple[Home, SteppedClock]:
    """January is sealed under a policy whose corrections go out at once, and whose drafts wait three days for
    people; one event of it came late, and its report is approved."""
    home, clock = make_reviewed_home(tmp_path / "home", policy='late_path = "note"\n')
    ingest(home, [call(number, "acme", "2026-01-07T12:00:00Z") for number in range(20)])
    for day in (3, 7):
        clock.set_to(parse_instant(f"2026-02-0{day}T00:00:00Z"))
        close(home, as_of=clock.now())
    ingest(home, [call(9001, "acme", LATE, tokens=10_000)], "late.ndjson")
    approved(home)
    return home, clock


def approved(home: Home) -> None:
    report = preview(home, person="Ann", reason="a queue was stuck")
    assert report.digest is not None
    approve(home, report.digest, person="Bob", reason="fine")


def notes_of_a_close(home: Home, clock: SteppedClock) -> tuple[list[str | None], set[str]]:
    """The notes there are after it, and by what others were held."""
    report = close(home, as_of=clock.now())
    held = {found.tie for _, _, each in report.outcomes if isinstance(each, Held) for found in each.breaks}
    return [row.number for row in list_invoices(home, ACME) if row.kind == "note"], held


def test_a_note_waits_for_what_holds_its_cycle_until_a_report_has_the_repair(
    noting: tuple[Home, SteppedClock],
) -> None:
    home, clock = noting
    state(home, 22)
    assert notes_of_a_close(home, clock) == ([], {TIE_CONTROL_TOTAL})
    ingest(home, [call(9002, "acme", LATE, tokens=5)], "later.ndjson")
    assert notes_of_a_close(home, clock) == ([], {TIE_CONTROL_TOTAL}), "what was approved has 21 events"
    clock.set_to(parse_instant("2026-02-08T00:00:00Z"))
    approved(home)
    assert notes_of_a_close(home, clock) == (["INV-DN-000001"], set()), "its report was its review"


def test_a_note_waits_while_an_alert_is_open(noting: tuple[Home, SteppedClock]) -> None:
    home, clock = noting
    clock.set_to(parse_instant("2026-02-09T10:00:00Z"))
    ingest(home, [call(n, "acme", "2026-02-08T12:00:00Z") for n in range(100, 300)], "usual.ndjson")
    clock.set_to(parse_instant("2026-02-10T10:00:00Z"))
    ingest(home, [call(10_000 + n, "acme", "never") for n in range(150)], "bad.ndjson")
    watch_to_head(home)
    assert notes_of_a_close(home, clock) == ([], {TIE_ALERT})
    for alert in list_alerts(home):
        close_alert(home, alert.id, by="Chi", reason="a test client of ours, known")
    assert notes_of_a_close(home, clock) == (["INV-DN-000001"], set())


def test_a_voided_correction_makes_stand_again_what_it_took_back_and_its_replacement_takes_it_back_anew(
    closed: tuple[Home, SteppedClock],
) -> None:
    home, clock = closed
    approved(home)
    clock.set_to(MARCH_3)
    close(home, as_of=clock.now())
    january, february = list_invoices(home, ACME)
    first = standing(home)
    assert {each.line for each in first} == latest_lines(home)
    void_invoice(home, february.id, person="Ann", reason="a wrong address", approved_by="Bob")
    assert {each.entry for each in standing(home)} == {f"accrual/{january.id}"}
    assert verify_books(home).findings == ()
    approved(home)
    close(home, as_of=clock.now())
    again = standing(home)
    assert [(each.account, each.minor) for each in again if each.line[:19] != january.id] == [
        (each.account, each.minor) for each in first if each.line[:19] != january.id
    ]
    assert verify_books(home).findings == ()
    lines = {ACME: [each.line for each in again]}
    assert home.books.ledger.standing(lines) == again, "the query says what the records say"


def standing(home: Home) -> tuple[Standing, ...]:
    return standing_of(home.books.ledger.entries(Selection(customer=ACME)))


def latest_lines(home: Home) -> set[str]:
    """Of each scope the latest line of a document that comes to something, by the documents alone."""
    found: dict[str, str] = {}
    for row in list_invoices(home, ACME):
        for line in json.loads(show_invoice(home, row.id).document)["lines"]:
            key = json.dumps([line["price"], line["segment"]["start"], line.get("group")])
            if key in found or line["amount"] != "0.00":
                found[key] = line["id"]
    return set(found.values())


def test_an_invoice_whose_correcting_line_was_corrected_again_is_not_voided(
    closed: tuple[Home, SteppedClock],
) -> None:
    home, clock = closed
    approved(home)
    clock.set_to(MARCH_3)
    close(home, as_of=clock.now())
    ingest(home, [call(9002, "acme", LATE, tokens=5_000)], "later.ndjson")
    approved(home)
    clock.set_to(parse_instant("2026-04-03T00:00:00Z"))
    close(home, as_of=clock.now())
    _, february, march = list_invoices(home, ACME)
    standing_lines = {each.line for each in standing(home)}
    assert standing_lines == latest_lines(home), "the third paper holds all of January that moved"
    with pytest.raises(
        VoidRefused, match=f"{march.number} corrected 2 lines of it, the first is {february.id}-"
    ):
        void_invoice(home, february.id, person="Ann", reason="a wrong address", approved_by="Bob")
    void_invoice(home, march.id, person="Ann", reason="a wrong address", approved_by="Bob")
    assert verify_books(home).findings == ()
