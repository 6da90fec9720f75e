"""Disputes decided: what is given back and by whose word, what stays, and holds that end by their two owners.

The invoice of acme: fee 10.00, calls 0.30, tokens 16.05, storage 4.78; 31.13 in all."""

from __future__ import annotations

import pytest

from tests.disputes import (
    ACME,
    ENGINEERING,
    FINANCE,
    OPS,
    number_of,
    opened,
    owed,
    uphold,
)
from tests.small_home import FEBRUARY_3, MARCH_3, call
from tests.small_home import ingest as send_events
from tieout.dispute.deadline import end_of_day
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.event import CreditGiven
from tieout.dispute.owners import WrongRole
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.role import Role
from tieout.dispute.room import NoRoom
from tieout.dispute.state import Act, NoSuchMove, State
from tieout.dispute.type import DisputeType
from tieout.flows.close_periods import close
from tieout.flows.correct import approve, preview
from tieout.flows.corrected_since import corrected_since
from tieout.flows.credit_invoice import LineDisputed, credit_invoice
from tieout.flows.credit_note import CreditRefused
from tieout.flows.decide_dispute import decide_dispute
from tieout.flows.dispute_owners import name_owners
from tieout.flows.disputes import find_dispute
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.payments import record_payment
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.say_dispute import (
    assign_dispute,
    isolate_dispute,
    message_customer,
    note_dispute,
    release_dispute,
    reopen_dispute,
)
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import VoidRefused, void_invoice
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import DAY_MICROSECONDS, Instant


def test_upheld_gives_back_all_of_it_in_one_note(home: Home) -> None:
    found = uphold(home, opened(home))
    (note,) = found.notes
    line = note.credit.line
    assert found.dispute.state is State.UPHELD
    assert found.dispute.credits == (CreditGiven(line, note.note.id, 1000, 1000),)
    assert (note.note.number, note.note.total_minor, note.applied.decimal_text) == (
        "INV-CN-000001",
        -1000,
        "10.00",
    )
    assert owed(home) == ("21.13", "0.00", "21.13")
    runs = [each.run for each in home.books.heads.all()]
    assert runs == [1, None, 2], "of the close, with roots for the pack, and of the note"
    assert verify_books(home).findings == ()
    with pytest.raises(NoSuchMove):
        uphold(home, found.dispute)
    with pytest.raises(NoSuchMove, match="only one that is rejected, withdrawn"):
        reopen_dispute(home, found.dispute.id, person=OPS, reason="more")
    with pytest.raises(NoRoom, match=r"6\.05 USD of it is left"):
        opened(home, amount="6.06", reason="the rest")
    assert opened(home, amount=None, reason="the rest").claim.money.decimal_text == "6.05"


def test_upheld_in_part_gives_back_that_part(home: Home) -> None:
    found = opened(home, type=DisputeType.SERVICE)
    part = DecisionOrder(Act.PARTLY_UPHELD, "4.00")
    for order, says in (
        (DecisionOrder(Act.PARTLY_UPHELD), "say how much"),
        (DecisionOrder(Act.PARTLY_UPHELD, "10.00"), "not a part of it"),
        (DecisionOrder(Act.UPHELD, "4.00"), "leave out --amount"),
        (DecisionOrder(Act.PARTLY_UPHELD, "4.00", [("3", "4.00")]), "leave out --credit"),
        (DecisionOrder(Act.PARTLY_UPHELD, "0.005"), "whole minor units"),
    ):
        with pytest.raises((DisputeRefused, CreditRefused), match=says):
            decide_dispute(home, found.id, order, person=OPS, reason="some", approved_by=FINANCE)
    decided = decide_dispute(home, found.id, part, person=OPS, reason="some", approved_by=FINANCE)
    assert [each.note.total_minor for each in decided.notes] == [-400]
    assert owed(home) == ("27.13", "0.00", "27.13")
    rows = home.books.corrections.settled([ACME])[ACME]
    (said,) = [str(row.line.correction) for row in rows if row.invoice.kind == "note"]
    assert "a credit that was agreed" in said, "service is goodwill, not a billing error"


def test_a_whole_invoice_is_given_back_line_by_line_in_one_transaction(home: Home) -> None:
    found = opened(home, line=None, amount="12.00")
    with pytest.raises(DisputeRefused, match="say which lines"):
        uphold(home, found)
    lines = [("1", "7.00"), ("3", "5.00")]
    with pytest.raises(DisputeRefused, match=r"12\.01 USD would be given back of 12\.00 USD"):
        order = DecisionOrder(Act.UPHELD, None, [("1", "7.00"), ("3", "5.01")])
        decide_dispute(home, found.id, order, person=OPS, reason="both", approved_by=FINANCE)
    with pytest.raises(DisputeRefused, match="for the same usage"):
        order = DecisionOrder(Act.UPHELD, None, [("3", "7.00"), ("3", "5.00")])
        decide_dispute(home, found.id, order, person=OPS, reason="both", approved_by=FINANCE)
    order = DecisionOrder(Act.UPHELD, None, lines)
    decided = decide_dispute(home, found.id, order, person=OPS, reason="both", approved_by=FINANCE)
    assert [(each.note.number, each.note.total_minor) for each in decided.notes] == [
        ("INV-CN-000001", -700),
        ("INV-CN-000002", -500),
    ]
    assert owed(home) == ("19.13", "0.00", "19.13") and verify_books(home).findings == ()


def test_what_is_not_open_any_more_goes_to_the_balance_or_is_refunded(home: Home) -> None:
    record_payment(home, number_of(home), amount="31.13", reference="w1", person="Fay", received_at=None)
    found = opened(home)
    assert owed(home) == ("0.00", "10.00", "0.00")
    order = DecisionOrder(Act.UPHELD, to="refund")
    decided = decide_dispute(home, found.id, order, person=OPS, reason="right", approved_by=FINANCE)
    assert decided.notes[0].applied.minor == 0
    kinds = [each.kind.value for each in home.books.ledger.entries()]
    assert kinds.count("refund") == 1


def test_while_it_is_disputed_nothing_else_gives_it_back(home: Home) -> None:
    found = opened(home)
    given = {"person": "Ann", "reason": "an outage", "approved_by": "Bob"}
    with pytest.raises(LineDisputed, match=found.id):
        credit_invoice(home, number_of(home), line="3", amount="1.00", kind="goodwill", **given)
    with pytest.raises(VoidRefused, match=f"dispute {found.id} of it is open"):
        void_invoice(home, number_of(home), **given)
    credit_invoice(home, number_of(home), line="1", amount="1.00", kind="goodwill", **given)
    decide_dispute(home, found.id, DecisionOrder(Act.WITHDRAWN), person=OPS, reason="they say so")
    credit_invoice(home, number_of(home), line="3", amount="1.00", kind="goodwill", **given)


def test_who_may_decide_and_approve(home: Home) -> None:
    found = opened(home)
    with pytest.raises(WrongRole, match="Eva may not decide a dispute of type evidence: that is for ops"):
        uphold(home, found, person=ENGINEERING)
    with pytest.raises(WrongRole, match="Omar may not approve"):
        uphold(home, found, approved_by="Omar")
    with pytest.raises(DisputeRefused, match="approved by a person of finance"):
        uphold(home, found, approved_by=None)
    rejected = DecisionOrder(Act.REJECTED)
    with pytest.raises(DisputeRefused, match="gives nothing back"):
        decide_dispute(home, found.id, rejected, person=OPS, reason="no", approved_by=FINANCE)
    with pytest.raises(DisputeRefused, match="leave out amounts"):
        with_amount = DecisionOrder(Act.REJECTED, "1.00")
        decide_dispute(home, found.id, with_amount, person=OPS, reason="no")
    name_owners(home, {Role.FINANCE: [FINANCE, OPS]}, {}, person="Ada", reason="both")
    with pytest.raises(DisputeRefused, match="another person approves"):
        uphold(home, found, approved_by="olga")
    of_data = opened(home, type=DisputeType.DATA, amount="1.00")
    with pytest.raises(WrongRole, match=r"Olga may not decide a dispute of type data: .* engineering"):
        uphold(home, of_data)
    assert uphold(home, of_data, person=ENGINEERING).dispute.state is State.UPHELD
    for verb in (message_customer, note_dispute):
        assert verb(home, found.id, person=OPS, text="we are at it").id == found.id
    with pytest.raises(WrongRole, match="write to the customer"):
        message_customer(home, found.id, person=ENGINEERING, text="it was us")
    with pytest.raises(WrongRole, match="examine"):
        examine_dispute(home, found.id, person="Zoe")


def test_rejected_is_opened_again_and_looked_at_anew(home: Home, clock: SteppedClock) -> None:
    found = opened(home)
    decide_dispute(home, found.id, DecisionOrder(Act.REJECTED), person=OPS, reason="it is right")
    clock.set_to(Instant(FEBRUARY_3 + 30 * DAY_MICROSECONDS))
    again = reopen_dispute(home, found.id, person=OPS, reason="they sent their log")
    assert again.state is State.OPEN and again.examined is None and again.decided is None
    assert again.deadlines.decide_by == end_of_day(clock.now(), 10, "UTC")
    assert owed(home)[1] == "10.00"
    assert uphold(home, again).dispute.state is State.UPHELD


# ---------------------------------------------------------------------------------------------- hold
def test_a_hold_ends_by_its_two_owners_and_then_it_can_be_upheld(home: Home) -> None:
    found = opened(home, type=DisputeType.DATA)
    held = isolate_dispute(home, found.id, person=OPS, reason="they count 12,000 tokens less")
    with pytest.raises(NoSuchMove):
        uphold(home, held, person=ENGINEERING)
    done = {"defect": True, "reason": "a retry under new ids"}
    with pytest.raises(WrongRole):
        release_dispute(home, found.id, person=OPS, agreed_by=OPS, **done)  # type: ignore[arg-type]
    with pytest.raises(DisputeRefused, match="Emil does not own the hold: Eva does"):
        release_dispute(home, found.id, person="Emil", agreed_by=OPS, **done)  # type: ignore[arg-type]
    with pytest.raises(WrongRole, match="Zoe may not own disputes"):
        assign_dispute(home, found.id, Role.ENGINEERING, to="Zoe", person=OPS, reason="on leave")
    assigned = assign_dispute(home, found.id, Role.ENGINEERING, to="emil", person=OPS, reason="on leave")
    assert assigned.hold is not None and assigned.hold.engineering == "Emil"
    freed = release_dispute(home, found.id, person="Emil", agreed_by=OPS, **done)  # type: ignore[arg-type]
    assert freed.state is State.RELEASED and freed.hold is None
    assert freed.released is not None and freed.released.defect
    with pytest.raises(NoSuchMove):  # not without evidence that gives the amount
        decide_dispute(home, found.id, DecisionOrder(Act.REJECTED), person=ENGINEERING, reason="no")
    assert uphold(home, freed, person="Emil").dispute.state is State.UPHELD
    assert [each.act.value for each in find_dispute(home, found.id).events] == [
        *("opened", "isolated", "assigned", "released", "upheld"),
    ]


@pytest.mark.parametrize("amount", ["1.21", "1.50"])
def test_what_a_correction_has_given_back_is_not_given_back_again(
    home: Home, clock: SteppedClock, amount: str
) -> None:
    """803 of 9,030 tokens are retracted and corrected while the dispute runs: 16.05 become 10.00 for 5,000
    and 1.50 a thousand for 3,227, 4.8405, together 14.84: 1.21 less."""
    found = opened(home, type=DisputeType.DATA, amount=amount)
    examine_dispute(home, found.id, person=ENGINEERING)
    gone = Decision("sent twice", "Dana", "Erin")
    retract_event(home, source="gateway", event_id="e19", decision=gone)
    clock.set_to(Instant(FEBRUARY_3 + DAY_MICROSECONDS))
    report = preview(home, person="Dana", reason="sent twice")
    assert report.digest is not None
    approve(home, report.digest, person="Erin", reason="sent twice")
    send_events(home, [call(77, "acme", "2026-02-05T00:00:00Z")], "february.ndjson")
    clock.set_to(MARCH_3)
    close(home, as_of=clock.now())
    assert corrected_since(home, found) == 121
    with pytest.raises(DisputeRefused, match=r"gave back 1\.21 USD already"):
        uphold(home, found, person=ENGINEERING)
    corrected = DecisionOrder(Act.UPHELD, corrected=True)
    given = {"person": ENGINEERING, "reason": "sent twice", "approved_by": FINANCE}
    if amount == "1.21":
        done = decide_dispute(home, found.id, corrected, **given)
        assert done.notes == () and done.dispute.decided is not None and done.dispute.decided.corrected
    else:
        with pytest.raises(DisputeRefused, match=r"gave back 1\.21 USD of 1\.50 USD"):
            decide_dispute(home, found.id, corrected, **given)
        with pytest.raises(DisputeRefused, match="already"):
            decide_dispute(home, found.id, DecisionOrder(Act.PARTLY_UPHELD, "0.30"), **given)
        done = decide_dispute(home, found.id, DecisionOrder(Act.PARTLY_UPHELD, "0.29"), **given)
        assert [each.note.total_minor for each in done.notes] == [-29]
    assert verify_books(home).findings == ()
