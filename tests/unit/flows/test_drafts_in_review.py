"""A draft waits for people: shown, noted, approved, drafted anew with the difference shown, and sealed only
as the bytes that were shown. Nothing said or drafted is ever overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.reviewed_home import (
    ACME,
    AFTER_THE_WINDOW,
    DRAFTED_AT,
    IN_THE_WINDOW,
    close_at,
    make_reviewed_home,
)
from tests.small_home import call, ingest, make_home
from tieout.close.breaks import Break
from tieout.close.outcome import InReview, NotDue, Outcome, Sealed
from tieout.close.review import DraftState
from tieout.flows import draft_accounts
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.drafts import (
    DraftNotOpen,
    NoSuchDraft,
    OtherBytes,
    approve_delta,
    approve_draft,
    compare_drafts,
    draft_history,
    list_drafts,
    note_draft,
    object_to_draft,
    redraft,
    show_draft,
)
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.late_events import late_for_invoice
from tieout.flows.manual_lines import SamePerson
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import Instant, parse_instant
from tieout.ledger.balances import Selection
from tieout.store.books.decisions import SealedAlready
from tieout.store.sqlite import begin_immediate
from tieout.wiring import Home

Reviewed = tuple[Home, SteppedClock]


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[Reviewed]:
    """Ten calls of acme in January, drafted on 3 February."""
    home, clock = make_reviewed_home(tmp_path / "home")
    with home:
        ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z", tokens=100) for n in range(10)])
        close(home, as_of=DRAFTED_AT)
        yield home, clock


def only_outcome(home: Home, clock: SteppedClock, now: int) -> Outcome:
    report = close_at(home, clock, now)  # type: ignore[arg-type]
    (found,) = report.outcomes
    return found[2]


def the_draft(home: Home) -> str:
    (row,) = list_drafts(home)
    return row.draft.invoice


def without_the_seal(document: bytes) -> dict[str, object]:
    """What sealing adds is left out."""
    read: dict[str, object] = json.loads(document)
    return {**read, "status": None, "number": None, "issued_at": None, "due_date": None}


def test_a_draft_waits_out_its_review_and_is_sealed_as_it_was_shown(reviewed: Reviewed) -> None:
    home, clock = reviewed
    assert list_invoices(home) == ()
    outcome = only_outcome(home, clock, IN_THE_WINDOW)
    assert outcome == InReview(
        the_draft(home),
        1,
        "review until 2026-02-06T00:00:00Z, or an approval",  # type: ignore[arg-type]
    )
    shown = show_draft(home, the_draft(home)).draft
    sealed = only_outcome(home, clock, AFTER_THE_WINDOW)
    assert isinstance(sealed, Sealed) and sealed.number == "INV-000001"
    invoice = show_invoice(home, sealed.invoice)
    assert without_the_seal(invoice.document) == without_the_seal(shown.document)
    posted = home.books.ledger.entries(Selection(invoice=invoice.id))
    assert show_draft(home, sealed.invoice).proposed  # what people saw is what was posted
    assert {(each.id, each.postings) for each in show_draft(home, sealed.invoice).proposed} == {
        (each.id, each.postings) for each in posted
    }
    assert len(draft_history(home, sealed.invoice)) == 1 and list_drafts(home) == ()
    assert show_draft(home, sealed.invoice).number == "INV-000001"
    assert isinstance(only_outcome(home, clock, AFTER_THE_WINDOW), NotDue)
    assert verify_books(home).findings == ()


def test_events_after_the_drafts_cutoff_are_late_for_it(reviewed: Reviewed) -> None:
    home, clock = reviewed
    ingest(home, [call(99, "acme", "2026-01-30T12:00:00Z")], "more.ndjson")
    sealed = only_outcome(home, clock, AFTER_THE_WINDOW)
    assert isinstance(sealed, Sealed)
    invoice = show_invoice(home, sealed.invoice)
    counted = [line["snapshot"]["event_count"] for line in json.loads(invoice.document)["lines"][1:]]
    assert counted[0] == 10
    late = {row.meter: row.event_count for row in late_for_invoice(home, invoice)}
    assert late["calls"] == 1


def test_an_approval_names_the_exact_bytes_and_ends_the_wait(reviewed: Reviewed) -> None:
    home, clock = reviewed
    draft = show_draft(home, the_draft(home)).draft
    with pytest.raises(OtherBytes):
        approve_draft(home, draft.invoice, sha256="0" * 16, person="Erin", reason="fine")
    with pytest.raises(Refusal, match="no digest"):
        approve_draft(home, draft.invoice, sha256=draft.sha256[:4], person="Erin", reason="fine")
    approve_draft(home, draft.invoice, sha256=draft.sha256[:12], person="Erin", reason="fine")
    (entry,) = show_draft(home, draft.invoice).entries
    assert (entry.person, entry.sha256) == ("Erin", draft.sha256)
    assert isinstance(only_outcome(home, clock, IN_THE_WINDOW), Sealed)
    with pytest.raises(SealedAlready):
        note_draft(home, draft.invoice, person="Erin", text="too late")
    with pytest.raises(DraftNotOpen, match="sealed as INV-000001"):
        redraft(home, draft.invoice, person="Erin", reason="too late")


def test_notes_change_nothing_and_an_objection_keeps_it_from_being_sealed(reviewed: Reviewed) -> None:
    home, clock = reviewed
    name = the_draft(home)
    note_draft(home, name, person="Fay", text="looks high")
    object_to_draft(home, name, person="Fay", reason="the customer disputes January 10")
    outcome = only_outcome(home, clock, AFTER_THE_WINDOW)
    assert isinstance(outcome, InReview) and "Fay objects: the customer disputes" in outcome.waits_for
    sha256 = show_draft(home, name).draft.sha256
    approve_draft(home, name, sha256=sha256, person="Erin", reason="settled by phone")
    assert isinstance(only_outcome(home, clock, AFTER_THE_WINDOW), Sealed)


def test_the_same_decision_said_again_is_recorded_once(reviewed: Reviewed) -> None:
    """By whoever said it, in the same words, as long as it stands; notes may repeat."""
    home, clock = reviewed
    name = the_draft(home)
    sha256 = show_draft(home, name).draft.sha256

    def said(person: str, reason: str = "fine") -> bool:
        return approve_draft(home, name, sha256=sha256, person=person, reason=reason).is_new

    first = object_to_draft(home, name, person="Fay", reason="too high")
    clock.set_to(Instant(clock.now() + 60_000_000))
    again = object_to_draft(home, name, person=" fay ", reason="too high")
    assert first.is_new and not again.is_new and again.entry == first.entry
    assert said("Erin") and not said("erin") and said("Dana") and not said("Erin")
    assert said("Erin", "settled by phone"), "other words are another decision"
    assert object_to_draft(home, name, person="Fay", reason="too high").is_new, "it was answered since"
    assert said("Erin"), "the objection came after the first one"
    assert all(note_draft(home, name, person="Fay", text="looks high").is_new for _ in range(2))
    assert len(show_draft(home, name).entries) == 8


def test_a_redraft_takes_a_new_cutoff_shows_the_difference_and_needs_a_second_person(
    reviewed: Reviewed,
) -> None:
    home, clock = reviewed
    name = the_draft(home)
    first = show_draft(home, name).draft
    approve_draft(home, name, sha256=first.sha256, person="Erin", reason="fine")
    ingest(home, [call(n, "acme", "2026-01-30T12:00:00Z", tokens=1000) for n in (50, 51)], "more.ndjson")
    retract_event(home, source="gateway", event_id="e3", decision=Decision("test call", "Ops", None))
    outcome, view = redraft(home, name, person="Dana", reason="the backfill of January 30")
    assert isinstance(outcome, InReview) and view is not None and view.difference is not None
    # by hand: calls 10 -> 11 at 0.015; tokens 1,000 -> 900 + 2,000 at 2 per 1,000 up to 5,000
    changed = {
        line.price: (line.quantity_before, line.quantity_after, line.amount_before, line.amount_after)
        for line in view.difference.lines
    }
    assert changed == {
        "calls-usd": ("10", "11", "0.15", "0.17"),
        "tokens-usd": ("1000", "2900", "2.00", "5.80"),
    }
    assert {line.why for line in view.difference.lines} == {("2 new events", "1 event retracted")}
    totals = {each.name: (each.before, each.after) for each in view.difference.amounts}
    assert totals["total"] == ("12.15", "15.97")
    assert [entry.person for entry in view.void] == ["Erin"], "the approval is void, and it is seen"
    assert view.draft.delta is not None
    outcome = only_outcome(home, clock, parse_instant("2026-02-20T00:00:00Z"))
    assert isinstance(outcome, InReview) and "by somebody else than Dana" in outcome.waits_for
    with pytest.raises(SamePerson):
        approve_delta(home, name, digest=view.draft.delta, person=" dana ", reason="mine")
    with pytest.raises(OtherBytes):
        approve_delta(home, name, digest="f" * 64, person="Erin", reason="another")
    approve_delta(home, name, digest=view.draft.delta[:16], person="Erin", reason="the backfill is right")
    sealed = only_outcome(home, clock, parse_instant("2026-02-20T00:00:00Z"))
    assert isinstance(sealed, Sealed) and sealed.number == "INV-000001", "a draft uses no number"
    assert draft_history(home, name)[0] == first, "the first revision stays as it was"
    assert verify_books(home).findings == ()


def test_a_second_redraft_does_not_launder_what_nobody_approved(reviewed: Reviewed) -> None:
    home, clock = reviewed
    name = the_draft(home)
    ingest(home, [call(50, "acme", "2026-01-30T12:00:00Z")], "more.ndjson")
    redraft(home, name, person="Dana", reason="one more event")
    _, view = redraft(home, name, person="Dana", reason="nothing new")
    assert view is not None and view.difference is not None and view.draft.delta is not None
    assert view.difference.revision_before == 1 and view.difference.by_events
    assert isinstance(only_outcome(home, clock, parse_instant("2026-02-20T00:00:00Z")), InReview)


def test_a_dry_redraft_stores_nothing(reviewed: Reviewed) -> None:
    home, _ = reviewed
    name = the_draft(home)
    before = home.books.drafts.said()
    outcome, view = redraft(home, name, person="Dana", reason="what if", dry_run=True)
    assert isinstance(outcome, InReview) and outcome.revision == 2 and view is None
    assert home.books.drafts.said() == before


def test_a_price_that_changed_under_a_draft_makes_a_redraft_instead_of_a_seal(
    reviewed: Reviewed, tmp_path: Path
) -> None:
    home, clock = reviewed
    name = the_draft(home)
    newer = tmp_path / "newer.toml"
    newer.write_text(
        """[[price]]
key = "calls-usd"
version = 2
effective_from = 2025-01-02T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.02"
"""
    )
    apply_catalog(home, newer)
    sha256 = show_draft(home, name).draft.sha256
    approve_draft(home, name, sha256=sha256, person="Erin", reason="as it stands")
    outcome = only_outcome(home, clock, IN_THE_WINDOW)
    assert isinstance(outcome, InReview) and outcome.revision == 2
    view = show_draft(home, name)
    assert view.difference is not None and not view.difference.by_events and view.draft.delta is None
    assert [(line.price, line.why) for line in view.difference.lines] == [
        ("calls-usd", ("price version 1 became 2",))
    ]
    assert view.draft.cutoff == draft_history(home, name)[0].cutoff, "the cutoff is that of the draft"
    assert isinstance(only_outcome(home, clock, AFTER_THE_WINDOW), InReview), "its own review runs anew"
    sealed = only_outcome(home, clock, parse_instant("2026-02-09T00:00:00Z"))
    assert isinstance(sealed, Sealed)
    assert json.loads(show_invoice(home, sealed.invoice).document)["total"] == "12.20"


def test_a_policy_may_require_an_approval(tmp_path: Path) -> None:
    home, clock = make_reviewed_home(tmp_path / "home", policy='requires = ["approved_draft"]\n')
    with home:
        ingest(home, [call(1, "acme", "2026-01-02T12:00:00Z")])
        close(home, as_of=DRAFTED_AT)
        outcome = only_outcome(home, clock, AFTER_THE_WINDOW)
        assert isinstance(outcome, InReview) and outcome.waits_for == "an approval, which its policy requires"
        draft = show_draft(home, the_draft(home)).draft
        approve_draft(home, draft.invoice, sha256=draft.sha256, person="Erin", reason="fine")
        assert isinstance(only_outcome(home, clock, AFTER_THE_WINDOW), Sealed)


def test_a_clock_that_steps_back_seals_nothing_twice_and_skips_nobody(reviewed: Reviewed) -> None:
    home, clock = reviewed
    for now in ("2026-02-03T00:00:00Z", "2026-02-01T12:00:00Z", "2026-02-03T00:00:00Z"):
        outcome = only_outcome(home, clock, parse_instant(now))
        assert not isinstance(outcome, Sealed)
    assert len(draft_history(home, the_draft(home))) == 1
    for now in (
        "2026-02-06T00:00:00Z",
        "2026-02-06T00:00:00Z",
        "2026-02-02T00:00:00Z",
        "2026-02-07T00:00:00Z",
    ):
        close_at(home, clock, parse_instant(now))
    assert [row.number for row in list_invoices(home)] == ["INV-000001"]


def test_with_no_review_nothing_but_the_invoice_is_written(tmp_path: Path) -> None:

    home, _ = make_home(tmp_path / "small", now=DRAFTED_AT)
    with home:
        ingest(home, [call(1, "acme", "2026-01-02T12:00:00Z")])
        close(home, as_of=DRAFTED_AT)
        assert home.books.drafts.said() == (0, 0)
        assert len(list_invoices(home)) == 3


def test_what_is_held_is_stored_once_and_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _ = make_home(tmp_path / "small", now=DRAFTED_AT)
    with home:
        ingest(home, [call(1, "acme", "2026-01-02T12:00:00Z")])
        broken = Break("raw events = snapshot", "1", "2", "look", size="1 event")
        monkeypatch.setattr(draft_accounts, "sealed_twice", lambda *_: [broken])
        close(home, as_of=DRAFTED_AT)
        close(home, as_of=DRAFTED_AT)
        rows = list_drafts(home)
        assert [(row.draft.revision, row.draft.state) for row in rows] == [(1, DraftState.HELD)] * 3
        assert json.loads(show_draft(home, rows[0].draft.invoice).draft.document)["status"] == "held"
        with pytest.raises(DraftNotOpen, match="cannot be approved"):
            sha256 = rows[0].draft.sha256
            approve_draft(home, rows[0].draft.invoice, sha256=sha256, person="Erin", reason="fine")
        monkeypatch.undo()
        close(home, as_of=DRAFTED_AT)
        assert len(list_invoices(home)) == 3 and list_drafts(home) == (), "a repaired hold clears itself"


def test_the_database_keeps_every_revision_and_every_word(reviewed: Reviewed) -> None:
    home, _ = reviewed
    name = the_draft(home)
    note_draft(home, name, person="Fay", text="looks high")
    for table in ("draft", "review_entry"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET person = 'Eve'"):
            with (
                pytest.raises(DBAPIError, match="is final"),
                begin_immediate(home.books.engine) as connection,
            ):  # type: ignore[attr-defined]
                connection.execute(text(statement))


def test_a_revision_that_is_not_the_next_is_not_stored(reviewed: Reviewed) -> None:
    home, _ = reviewed
    (found,) = draft_history(home, the_draft(home))
    assert not home.books.drafts.add(found, run=1)
    assert not home.books.drafts.add(replace(found, revision=3), run=1)


def test_what_was_never_drafted_is_named(reviewed: Reviewed) -> None:
    home, _ = reviewed
    for call_it in (show_draft, draft_history):
        with pytest.raises(NoSuchDraft):
            call_it(home, "in_0000000000000000")
    with pytest.raises(NoSuchDraft, match="revision 7"):
        compare_drafts(home, the_draft(home), 1, 7)
    assert [row.draft.customer for row in list_drafts(home, "acme")] == [ACME]
