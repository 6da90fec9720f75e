"""Disputes from opening to the note: what is recorded, what waits, who may, and what is refused with nothing
recorded. The invoice of acme: fee 10.00, calls 0.30, tokens 16.05, storage 4.78; 31.13 in all."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.disputes import (
    ENGINEERING,
    FINANCE,
    OPS,
    name_three,
    number_of,
    opened,
    owed,
    uphold,
)
from tests.own_home import BY_KEY, webhook
from tests.small_home import FEBRUARY_3, january, make_home
from tests.small_home import ingest as send_events
from tieout.dispute.deadline import end_of_day
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.dispute import DisputeDamaged
from tieout.dispute.event import Messaged
from tieout.dispute.opening import DisputeOrder
from tieout.dispute.overdue import Overdue, done_late, overdue
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.role import Role
from tieout.dispute.room import NoRoom
from tieout.dispute.state import Act, State
from tieout.dispute.type import DisputeType
from tieout.flows.close_periods import close
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.credit_note import NoSuchLineThere
from tieout.flows.customer_disputes import own_dispute
from tieout.flows.decide_dispute import DisputeIsolated, decide_dispute
from tieout.flows.decision import DecisionIncomplete
from tieout.flows.dispute_document import dispute_json
from tieout.flows.dispute_evidence import incomplete_evidence
from tieout.flows.dispute_owners import OwnersRefused, name_owners
from tieout.flows.disputes import NoSuchDispute, OwnersUnnamed, find_dispute, list_disputes, owners_named
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.notices import NoSuchTarget, change_egress
from tieout.flows.open_dispute import open_dispute
from tieout.flows.own_targets import set_target
from tieout.flows.payments import record_payment
from tieout.flows.say_dispute import (
    MalformedMessage,
    message_customer,
    note_dispute,
    reopen_dispute,
    sent_to_customer,
    takers,
)
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import void_invoice
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import DAY_MICROSECONDS, Instant, parse_instant
from tieout.ports.world import NoEvidenceKey
from tieout.store.sqlite import begin_immediate, open_engine


# ---------------------------------------------------------------------------------------------- open
def test_a_dispute_has_its_pack_its_owners_and_its_deadlines(home: Home) -> None:
    found = opened(home)
    assert found.state is State.OPEN and found.owners == {Role.OPS: OPS}
    assert found.deadlines.respond_by == end_of_day(FEBRUARY_3, 2, "UTC")
    assert found.deadlines.decide_by == end_of_day(FEBRUARY_3, 10, "UTC")
    assert found.pack is not None
    content = home.kept_packs.read(found.pack.sha256)
    assert content is not None and sha256(content).hexdigest() == found.pack.sha256
    assert find_dispute(home, found.id[:9]) == found
    assert list_disputes(home, "acme") == (found,)


def test_defects_go_to_engineering_and_deadlines_are_the_customers_days(home: Home) -> None:
    found = opened(home, customer=CustomerId("birch"), type=DisputeType.DATA, amount="1.00")
    assert found.owners == {Role.OPS: OPS, Role.ENGINEERING: ENGINEERING}
    assert found.zone_name == "America/New_York"
    assert found.deadlines.respond_by == end_of_day(FEBRUARY_3, 1, "America/New_York")


def test_only_what_is_disputed_waits(home: Home) -> None:
    assert owed(home) == ("31.13", "0.00", "31.13")
    found = opened(home)
    assert owed(home) == ("31.13", "10.00", "21.13")
    record_payment(home, number_of(home), amount="25.00", reference="w1", person="Fay", received_at=None)
    assert owed(home) == ("6.13", "10.00", "0.00")
    decide_dispute(home, found.id, DecisionOrder(Act.REJECTED), person=OPS, reason="it is right")
    assert owed(home) == ("6.13", "0.00", "6.13")


def test_disputes_of_a_line_and_of_the_invoice_never_come_to_more_than_is_left(home: Home) -> None:
    opened(home, amount="10.00")
    opened(home, amount="6.00", reason="another")
    with pytest.raises(NoRoom, match=r"0\.06 USD of line .*-003 .* 16\.05 USD of it is left, and 16\.00"):
        opened(home, amount="0.06", reason="a third")
    whole = opened(home, line=None, amount=None, reason="all of it")
    assert whole.claim.money.decimal_text == "15.13"
    with pytest.raises(NoRoom, match="invoice INV-000001"):
        opened(home, line="1", amount="0.01", reason="the fee")
    with pytest.raises(DisputeRefused, match="nothing is left"):
        opened(home, line=None, amount=None, reason="more")
    decide_dispute(home, whole.id, DecisionOrder(Act.WITHDRAWN), person=OPS, reason="a mistake")
    assert opened(home, line="1", amount="10.00", reason="the fee").is_open
    with pytest.raises(NoRoom):
        reopen_dispute(home, whole.id, person=OPS, reason="after all")
    assert owed(home) == ("31.13", "26.00", "5.13")


@pytest.mark.parametrize(
    ("amount", "says"),
    [("0", "above zero"), ("-1", "above zero"), ("1.005", "whole minor units"), ("999999", "cannot be")],
)
def test_an_amount_that_makes_no_sense_is_refused(home: Home, amount: str, says: str) -> None:
    with pytest.raises((DisputeRefused, NoRoom), match=says):
        opened(home, amount=amount)
    assert list_disputes(home) == () and owed(home)[1] == "0.00"


def test_what_cannot_be_disputed(home: Home) -> None:
    with pytest.raises(NoSuchLineThere):
        opened(home, line="77")
    with pytest.raises(DecisionIncomplete):
        opened(home, reason=" ")
    note = credit_invoice(
        home,
        number_of(home),
        line="1",
        amount="10.00",
        kind="goodwill",
        person="Ann",
        reason="an outage",
        approved_by="Bob",
    ).note
    with pytest.raises(DisputeRefused, match="comes to -10"):
        open_dispute(home, DisputeOrder(note.number, None, DisputeType.PRICE, "1", "x"), person=OPS)
    assert home.kept_packs.read("0" * 64) is None
    birch = number_of(home, CustomerId("birch"))
    void_invoice(home, birch, person="Ann", reason="the wrong customer", approved_by="Bob")
    with pytest.raises(DisputeRefused, match="voided"):
        open_dispute(home, DisputeOrder(birch, None, DisputeType.PRICE, "1", "x"), person=OPS)
    with pytest.raises(NoSuchDispute):
        find_dispute(home, "dp_nobody")


def test_without_owners_or_a_key_nothing_is_opened(tmp_path: Path) -> None:
    made, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made as home:
        send_events(home, january(3))
        close(home, as_of=clock.now())
        assert [each.value for each in owners_named(home).missing] == ["ops", "engineering", "finance"]
        with pytest.raises(OwnersUnnamed, match="as ops, engineering, finance"):
            opened(home, amount="1.00")
        with pytest.raises(OwnersRefused, match="nobody is named for finance"):
            name_owners(home, {Role.OPS: ["O"], Role.ENGINEERING: ["E"]}, {}, person="Ada", reason="x")
        with pytest.raises(OwnersRefused, match="finance is another person"):
            persons = {Role.OPS: ["O"], Role.ENGINEERING: ["E"], Role.FINANCE: [" o "]}
            name_owners(home, persons, {}, person="Ada", reason="x")
        with pytest.raises(NoSuchTarget):
            name_owners(home, {}, {Role.OPS: ["nowhere"]}, person="Ada", reason="x")
        name_three(home)
        assert owners_named(home).missing == ()
        with pytest.raises(NoEvidenceKey):
            opened(home, amount="0.50")
        assert list_disputes(home) == ()
        name_owners(home, {Role.OPS: ["Nina"]}, {}, person="Ada", reason="Olga left")
        owners = owners_named(home)
        assert owners.persons[Role.OPS] == ("Nina",) and owners.persons[Role.FINANCE] == (FINANCE,)
        assert len(home.books.disputes.all_owners()) == 2


# ---------------------------------------------------------------------------------------------- evidence
def test_evidence_that_gives_the_amount_again(home: Home) -> None:
    found = opened(home)
    (lacking,) = incomplete_evidence(home)
    assert lacking.dispute == found and lacking.why == ("its lines were not traced",)
    seen = examine_dispute(home, found.id, person=ENGINEERING)
    assert seen.state is State.REPRODUCED and seen.hold is None and seen.examined is not None
    assert [(each.amount, each.matches) for each in seen.examined.lines] == [("16.05", True)]
    assert incomplete_evidence(home) == ()
    whole = opened(home, line=None, amount="1.00", reason="all")
    traced = examine_dispute(home, whole.id, person=OPS).examined
    assert traced is not None and [each.amount for each in traced.lines] == ["10.00", "0.30", "16.05", "4.78"]


def test_a_damaged_pack_is_a_conflict_and_a_hold_stands_with_two_owners(home: Home) -> None:
    found = opened(home)
    assert found.pack is not None
    file = Path(home.kept_packs.place(found.pack.sha256))
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    (lacking,) = incomplete_evidence(home)
    assert "has SHA-256" in lacking.why[0]
    with pytest.raises(DisputeIsolated, match=r"Eva \(engineering\).*Olga \(ops\)"):
        uphold(home, found)
    held = find_dispute(home, found.id)
    assert held.state is State.ISOLATED and held.hold is not None
    assert (held.hold.engineering, held.hold.ops) == (ENGINEERING, OPS)
    assert held.owners == {Role.OPS: OPS, Role.ENGINEERING: ENGINEERING}
    assert owed(home) == ("31.13", "10.00", "21.13")
    file.write_bytes(content)
    key = home.folder / "evidence.key"
    key.rename(home.folder / "elsewhere")
    assert "cannot be verified: There is no key" in incomplete_evidence(home)[0].why[0]
    (home.folder / "elsewhere").rename(key)
    file.unlink()
    assert "the pack is gone" in incomplete_evidence(home)[0].why[0]
    findings = [str(each) for each in verify_books(home).findings]
    assert len(findings) == 1 and "its pack is gone" in findings[0]


def test_a_dispute_is_found_without_reading_those_of_others(home: Home) -> None:
    """By its id or the beginning of it, in its case: one of somebody else that is damaged is not met."""
    found = opened(home)
    other = opened(home, customer=CustomerId("birch"), line=None, amount=None)
    _in_books(
        home,
        "DROP TRIGGER dispute_event_no_update",
        f"UPDATE dispute_event SET said = '{{}}' WHERE dispute = '{other.id}'",
    )
    for id in (found.id, found.id[:9]):
        assert find_dispute(home, id) == found
    with pytest.raises(DisputeDamaged):
        find_dispute(home, other.id)
    with pytest.raises(NoSuchDispute):
        find_dispute(home, found.id[:9].upper())
    for place, each in enumerate((found, other)):  # as if both began alike
        _in_books(home, f"UPDATE dispute_event SET dispute = 'dp_00000{place}' WHERE dispute = '{each.id}'")
    with pytest.raises(NoSuchDispute, match="2 disputes begin with"):
        find_dispute(home, "dp_00000")


def test_a_customer_finds_its_own_disputes_alone(home: Home) -> None:
    found = opened(home)
    assert own_dispute(home, found.customer, found.id) == found
    for who, id in ((found.customer, found.id[:9]), (CustomerId("birch"), found.id)):
        with pytest.raises(NoSuchDispute):
            own_dispute(home, who, id)


def test_a_trace_that_disagrees_is_a_conflict(home: Home) -> None:
    found = opened(home)
    engine = open_engine(home.folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text("DROP TRIGGER snapshot_no_update"))
        connection.execute(text("UPDATE snapshot SET fingerprint = '9:9:9' WHERE meter = 'tokens'"))
    engine.dispose()
    held = examine_dispute(home, found.id, person=OPS)
    assert held.hold is not None and held.examined is not None
    assert any("snapshot" in each for each in held.examined.findings)
    again = opened(home, amount="1.00", reason="opened where nothing can be packed any more")
    assert again.pack is None
    (opened_event,) = again.events
    assert "No pack is built" in str(opened_event.said)
    why = {each.dispute.id: each.why for each in incomplete_evidence(home)}
    assert why[again.id][0] == "it has no pack" and why[found.id] == ("its trace differs",)
    held = examine_dispute(home, again.id, person=OPS)
    assert held.state is State.ISOLATED and held.pack is None


# ---------------------------------------------------------------------------------------------- messages
def test_a_message_goes_to_the_customers_own_targets_and_to_nobody_else(home: Home) -> None:
    change_egress(home, allow_private=True, ports=None, customers_private=True)
    found = opened(home)
    told = message_customer(home, found.id, person=OPS, text="We look at it.\nMore on Monday.")
    (sent,) = sent_to_customer(home, told)
    assert isinstance(sent.event.said, Messaged) and told.is_answered
    assert sent.notice is not None and sent.notice.notice.kind == "customer.dispute.message"
    assert sent.notice.notice.text == "We look at it.\nMore on Monday." and takers(home, sent) == ()
    set_target(home, "acme", "hook", webhook("https://example.com/"), BY_KEY)
    set_target(home, "birch", "other", webhook("https://example.com/"), BY_KEY)
    (sent,) = sent_to_customer(home, told)
    assert [each.rpartition("/")[2] for each in takers(home, sent)] == ["hook"]
    for bad in ("", "\x1b[31m", "x" * 5_000):
        with pytest.raises(MalformedMessage):
            message_customer(home, found.id, person=OPS, text=bad)
    kinds = {each.notice.kind for each in home.books.notices.unrouted(20)}
    assert kinds == {"dispute.opened", "customer.dispute.message"}


def test_what_is_overdue_is_said_until_it_is_done(home: Home, clock: SteppedClock) -> None:
    """An answer by the end of 5 February, a decision by the end of 13 February, in UTC."""
    found = opened(home)
    clock.set_to(parse_instant("2026-02-06T00:00:00Z"))
    assert dispute_json(found, now=clock.now())["overdue"] == ["answer"]
    told = message_customer(home, found.id, person=OPS, text="Sorry for the wait.")
    assert dispute_json(told, now=clock.now())["overdue"] == []
    clock.set_to(parse_instant("2026-02-14T00:00:00Z"))
    assert dispute_json(told, now=clock.now())["overdue"] == ["decision"]
    assert dispute_json(uphold(home, told).dispute, now=clock.now())["overdue"] == []


def test_a_clock_that_steps_back_leaves_events_in_their_order(home: Home, clock: SteppedClock) -> None:
    found = opened(home)
    clock.set_to(Instant(FEBRUARY_3 - DAY_MICROSECONDS))
    noted = note_dispute(home, found.id, person=OPS, text="later")
    assert noted.last.at == Instant(found.last.at + 1)
    assert uphold(home, noted).dispute.last.at > noted.last.at
    assert verify_books(home).findings == ()


def test_what_was_done_after_its_day_stays_late(home: Home, clock: SteppedClock) -> None:
    in_time, late = opened(home, amount="1.00"), opened(home, amount="2.00", reason="and this")
    for days, dispute in ((1, in_time), (40, late)):
        clock.set_to(Instant(FEBRUARY_3 + days * DAY_MICROSECONDS))
        message_customer(home, dispute.id, person=OPS, text="We look at it.")
        decide_dispute(home, dispute.id, DecisionOrder(Act.REJECTED), person=OPS, reason="it is right")
    assert done_late(find_dispute(home, in_time.id)) == ()
    found = find_dispute(home, late.id)
    assert done_late(found) == (Overdue.ANSWER, Overdue.DECISION) and overdue(found, now=clock.now()) == ()
    again = reopen_dispute(home, late.id, person=OPS, reason="they sent their log")
    assert done_late(again) == (), "it has new days"


# ---------------------------------------------------------------------------------------------- verify
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("said = replace(said, '1000', '900') WHERE act = 'upheld'", "and 900 were decided"),
        ("ordinal = 9 WHERE act = 'upheld'", "does not follow"),
        ("said = '{}' WHERE act = 'opened'", "cannot be read"),
        ("dispute = 'dp_other' WHERE act = 'upheld'", "does not open"),
        ("person = 'Zed' WHERE act = 'upheld'", "says otherwise why and by whom"),
        ("customer = 'birch'", "it is not there"),
        ("said = replace(said, '1000', '900') WHERE act = 'opened'", "is not what was told"),
    ],
)
def test_verify_finds_what_was_changed_of_a_dispute(home: Home, change: str, says: str) -> None:
    uphold(home, opened(home))
    engine = open_engine(home.folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text("DROP TRIGGER dispute_event_no_update"))
        assert connection.execute(text(f"UPDATE dispute_event SET {change}")).rowcount > 0
    engine.dispose()
    assert any(says in str(each) for each in verify_books(home).findings)


def _in_books(home: Home, *statements: str) -> None:
    engine = open_engine(home.folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
