"""A line that a person adds to an invoice stands on it once another person has approved it, taxed by its
category, traced to its record; what cannot be right is refused, all at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.reviewed_home import AFTER_THE_WINDOW, DRAFTED_AT, IN_THE_WINDOW, close_at, make_reviewed_home
from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tieout.close.outcome import InReview, Parked, Sealed
from tieout.flows import manual_lines
from tieout.flows.apply_catalog import NoSuchCustomer, apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.decision import DecisionIncomplete
from tieout.flows.drafts import approve_delta, redraft, show_draft
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.manual_lines import (
    LineDecided,
    LineOrder,
    LineRefused,
    NoBillingPeriod,
    NoSuchManualLine,
    SamePerson,
    add_line,
    decide_line,
    list_lines,
)
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant
from tieout.rate.manual_line import LineDecision, ManualLine
from tieout.store.books.decisions import SealedAlready
from tieout.store.sqlite import begin_immediate
from tieout.wiring import Home

JANUARY = parse_instant("2026-01-15T00:00:00Z")
CREDIT = LineOrder("acme", JANUARY, None, "-2.50", "Credit for the outage of 10 January", None)
TAX = """
[[tax]]
key = "vat"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "VAT"
jurisdiction = "NL"
percent = "21"
categories = ["standard"]
[[seller]]
key = "us"
version = 2
effective_from = 2025-01-02T00:00:00Z
name = "We Inc."
address = ["1 Street"]
number_series = "INV"
taxes = ["vat"]
[[coupon]]
key = "half"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Half"
percent = "50"
forever = true
[[customer]]
key = "acme"
version = 2
effective_from = 2025-01-02T00:00:00Z
name = "acme Ltd"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["2 Street"]
terms_days = 30
[[customer.coupon]]
coupon = "half"
from = 2025-01-02T00:00:00Z
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """January of three customers is due; nobody reviews."""
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        ingest(made, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z", tokens=100) for n in range(10)])
        yield made


def add(home: Home, order: LineOrder = CREDIT, *, by: str = "Dana") -> ManualLine:
    return add_line(home, order, person=by, reason="agreed by phone")


def approve(home: Home, line: ManualLine, *, by: str = "Erin") -> ManualLine:
    return decide_line(home, line.id, LineDecision.APPROVED, person=by, reason="the outage is on record")


def acme(home: Home) -> dict:  # type: ignore[type-arg] # a document
    (row,) = [row for row in list_invoices(home) if row.customer == "acme"]
    document: dict = json.loads(show_invoice(home, row.id).document)  # type: ignore[type-arg]
    return document


def test_an_approved_credit_stands_on_the_invoice_and_traces_to_two_people(home: Home) -> None:
    line = approve(home, add(home))
    close(home, as_of=FEBRUARY_3)
    document = acme(home)
    # by hand: fee 10.00, calls 10 x 0.015 = 0.15, tokens 1,000 at 2 per 1,000 = 2.00, storage 0, credit -2.50
    assert document["total"] == "9.65"
    printed = document["lines"][-1]
    assert (printed["description"], printed["amount"], printed["price"]) == (
        "Credit for the outage of 10 January",
        "-2.50",
        f"manual/{line.id}",
    )
    found = trace(home, LineId(printed["id"]))
    assert found.reproduced.matches, found.reproduced.differences
    assert found.steps[0].text == f"credit added by Dana, approved by Erin ({line.id}) = -2.50 USD"
    (row,) = list_lines(home)
    assert (row.state, row.invoice) == ("billed", document["number"])
    assert verify_books(home).findings == ()


def test_tax_by_its_category_and_no_coupon(home: Home, tmp_path: Path) -> None:
    more = tmp_path / "tax.toml"
    more.write_text(TAX)
    apply_catalog(home, more)
    approve(home, add(home))
    close(home, as_of=FEBRUARY_3)
    document = acme(home)
    # by hand: the coupon halves 12.15, the lines without the credit: 6.075, half away from zero 6.08 off; the
    # base is 9.65 - 6.08 = 3.57, of which 21 % are 0.7497
    assert document["discounts"][0]["amount"] == "-6.08"
    assert [(tax["base"], tax["amount"]) for tax in document["taxes"]] == [("3.57", "0.75")]
    assert document["total"] == "4.32"
    assert trace(home, LineId(document["lines"][-1]["id"])).reproduced.matches


def test_nobody_approves_their_own_line_and_nobody_decides_twice(home: Home) -> None:
    line = add(home)
    for same in ("Dana", " dana", "DANA "):
        with pytest.raises(SamePerson):
            approve(home, line, by=same)
    close(home, as_of=FEBRUARY_3, dry_run=True)
    rejected = decide_line(home, line.id, LineDecision.REJECTED, person="Dana", reason="mistyped")
    assert rejected.decided is not None
    with pytest.raises(LineDecided, match="rejected already by Dana: mistyped"):
        approve(home, line)
    with pytest.raises(NoSuchManualLine):
        decide_line(home, "ml_0000000000000000", LineDecision.APPROVED, person="Erin", reason="x")
    with pytest.raises(LineDecided, match="recorded already"):
        add(home)  # the clock stands still: the very same record
    close(home, as_of=FEBRUARY_3)
    assert acme(home)["total"] == "12.15", "what is rejected, or waits, is on no invoice"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": "1.234"}, "USD has 2 decimals"),
        ({"amount": "1e3"}, "--amount"),
        ({"amount": "NaN"}, "--amount"),
        ({"amount": "٣"}, "--amount"),
        ({"amount": "0.00"}, "changes nothing"),
        ({"amount": "99999999999999999999"}, "--amount"),
        ({"amount": "999999999999999999"}, "do not fit"),
        ({"description": "=SUM(A1:A9)"}, "formula"),
        ({"description": "@cmd"}, "formula"),
        ({"description": "a\x1b[31mred"}, "printable"),
        ({"description": "two\nlines"}, "printable"),
        ({"description": " "}, "printable"),
        ({"description": "x" * 201}, "printable"),
        ({"description": "right\u202eleft"}, "printable"),
        ({"tax_category": "nowhere"}, "none of standard"),
    ],
)
def test_what_cannot_be_right_is_refused(home: Home, wrong: dict[str, str], said: str) -> None:
    with pytest.raises(LineRefused, match=said):
        add(home, replace(CREDIT, **wrong))
    assert list_lines(home) == ()


def test_a_customer_nobody_knows_has_no_lines(home: Home) -> None:
    with pytest.raises(NoSuchCustomer):
        add(home, replace(CREDIT, customer="nobody"))
    with pytest.raises(NoSuchCustomer):
        list_lines(home, "nobody")
    assert list_lines(home) == ()


def test_all_problems_are_told_at_once(home: Home) -> None:
    with pytest.raises(LineRefused) as refused:
        add(home, replace(CREDIT, amount="1.234", description="=1", tax_category="nowhere"))
    assert str(refused.value).count(";") == 2
    with pytest.raises(DecisionIncomplete):
        add(home, by=" ")


def test_a_period_must_be_one_that_is_billed(home: Home) -> None:
    with pytest.raises(NoBillingPeriod):
        add(home, replace(CREDIT, within=parse_instant("2024-06-01T00:00:00Z")))
    with pytest.raises(NoBillingPeriod, match="2026-01-01T00:00:00Z/2026-02-01T00:00:00Z"):
        add(home, replace(CREDIT, within=JANUARY, until=parse_instant("2026-01-16T00:00:00Z")))
    close(home, as_of=FEBRUARY_3)
    with pytest.raises(SealedAlready):
        add(home)


def test_a_line_of_a_sealed_period_is_refused_and_one_that_waited_is_told_to_be_left_out(home: Home) -> None:
    line = add(home)
    close(home, as_of=FEBRUARY_3)
    with pytest.raises(SealedAlready):
        approve(home, line)
    (row,) = list_lines(home)
    assert (row.state, row.left_out) == ("left out", acme(home)["number"])


def test_a_line_approved_while_the_close_runs_stops_the_seal(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = add(home)
    from tieout.flows import close_periods

    honest = close_periods._Drafter.drafted

    def slowly(*given: object, **named: object) -> object:
        drafted = honest(*given, **named)  # type: ignore[arg-type]
        approve(home, line)
        return drafted

    monkeypatch.setattr(close_periods._Drafter, "drafted", slowly)
    report = close(home, as_of=FEBRUARY_3)
    parked = [outcome for customer, _, outcome in report.outcomes if customer == "acme"]
    assert isinstance(parked[0], Parked) and "has changed since the close read it" in parked[0].reason
    monkeypatch.undo()
    close(home, as_of=FEBRUARY_3)
    assert acme(home)["total"] == "9.65"
    assert acme(home)["number"] == "INV-000003", "the seal that was stopped used no number"
    assert verify_books(home).findings == ()


def test_a_line_whose_currency_is_no_longer_the_customers_parks_only_that_account(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(home, add(home))

    def refuse(*_: object) -> None:
        raise LineRefused(["it has no place"])

    monkeypatch.setattr(manual_lines, "_charge", refuse)
    outcomes = {customer: outcome for customer, _, outcome in close(home, as_of=FEBRUARY_3).outcomes}
    assert isinstance(outcomes["acme"], Parked) and isinstance(outcomes["birch"], Sealed)  # type: ignore[index]


def test_a_changed_record_is_found_by_trace_and_verify(home: Home) -> None:
    line = approve(home, add(home))
    close(home, as_of=FEBRUARY_3)
    last = LineId(acme(home)["lines"][-1]["id"])
    with begin_immediate(home.books.engine) as connection:  # type: ignore[attr-defined]
        connection.execute(text("DROP TRIGGER manual_line_no_update"))
        connection.execute(text("UPDATE manual_line SET amount_minor = -9999"))
    found = trace(home, last)
    assert not found.reproduced.matches
    assert {each.what for each in found.reproduced.differences} >= {"manual line", "charge", "line"}
    assert any(each.where == line.id for each in verify_books(home).findings)


def test_a_line_whose_approval_became_its_own_authors_does_not_trace(home: Home) -> None:
    line = approve(home, add(home))
    close(home, as_of=FEBRUARY_3)
    with begin_immediate(home.books.engine) as connection:  # type: ignore[attr-defined]
        connection.execute(text("DROP TRIGGER manual_line_decision_no_update"))
        connection.execute(text("UPDATE manual_line_decision SET person = 'Dana'"))
    found = trace(home, LineId(acme(home)["lines"][-1]["id"]))
    (difference,) = [each for each in found.reproduced.differences if each.what == "manual line"]
    assert (difference.name, difference.found) == (line.id, "approved by Dana")


def test_a_line_approved_after_the_draft_makes_a_redraft(tmp_path: Path) -> None:
    home, clock = make_reviewed_home(tmp_path / "home")
    with home:
        _a_line_after_the_draft(home, clock)


def test_a_redraft_for_a_line_does_not_let_who_took_the_cutoff_confirm_it(tmp_path: Path) -> None:
    home, clock = make_reviewed_home(tmp_path / "home")
    with home:
        ingest(home, [call(1, "acme", "2026-01-02T12:00:00Z")])
        ((_, _, outcome),) = close(home, as_of=DRAFTED_AT).outcomes
        assert isinstance(outcome, InReview)
        ingest(home, [call(2, "acme", "2026-01-03T12:00:00Z")], "more.ndjson")
        redraft(home, outcome.invoice, person="Dana", reason="one more")
        approve(home, add(home, by="Fay"))
        close_at(home, clock, IN_THE_WINDOW)
        view = show_draft(home, outcome.invoice)
        assert (view.draft.revision, view.draft.person) == (3, "Dana") and view.draft.delta is not None
        with pytest.raises(SamePerson):
            approve_delta(home, outcome.invoice, digest=view.draft.delta, person="Dana", reason="mine")


def _a_line_after_the_draft(home: Home, clock: SteppedClock) -> None:
    ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z", tokens=100) for n in range(10)])
    close(home, as_of=DRAFTED_AT)
    line = add(home)
    ((_, _, outcome),) = close_at(home, clock, IN_THE_WINDOW).outcomes
    assert isinstance(outcome, InReview) and outcome.revision == 1, "nobody has approved the line"
    approve(home, line)
    ((_, _, outcome),) = close_at(home, clock, IN_THE_WINDOW).outcomes
    assert isinstance(outcome, InReview) and outcome.revision == 2
    view = show_draft(home, outcome.invoice)
    assert view.difference is not None
    assert [(each.price, each.amount_after, each.why) for each in view.difference.lines] == [
        (f"manual/{line.id}", "-2.50", ("manual line added",))
    ]
    assert isinstance(close_at(home, clock, AFTER_THE_WINDOW).outcomes[0][2], InReview), "a review of its own"
    ((_, _, sealed),) = close_at(home, clock, parse_instant("2026-02-08T00:00:00Z")).outcomes
    assert isinstance(sealed, Sealed) and sealed.number == "INV-000001"
    assert acme(home)["total"] == "9.65"
