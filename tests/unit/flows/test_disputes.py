"""Disputes from opening to the note: what is recorded, what waits, who may, and what is refused with nothing
recorded. The invoice of acme: fee 10.00, calls 0.30, tokens 16.05, storage 4.78; 31.13 in all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.disputes import ACME, ENGINEERING, FINANCE, OPS, disputed_home, name_three, number_of, opened
from tests.own_home import BY_KEY, webhook
from tests.small_home import FEBRUARY_3, january, make_home
from tests.small_home import ingest as send_events
from tieout.dispute.deadline import end_of_day
from tieout.dispute.dispute import Dispute
from tieout.dispute.event import CreditGiven, Messaged
from tieout.dispute.owners import WrongRole
from tieout.dispute.role import Role
from tieout.dispute.room import NoRoom
from tieout.dispute.state import Act, NoSuchMove, State
from tieout.dispute.type import DisputeType
from tieout.flows.close_periods import close
from tieout.flows.collectable import collectables
from tieout.flows.credit_invoice import LineDisputed, credit_invoice
from tieout.flows.credit_note import CreditRefused, NoSuchLineThere
from tieout.flows.decide_dispute import DecidedDispute, DecisionOrder, DisputeIsolated, decide_dispute
from tieout.flows.decision import DecisionIncomplete
from tieout.flows.dispute_evidence import incomplete_evidence
from tieout.flows.dispute_owners import OwnersRefused, name_owners, owners_named
from tieout.flows.disputes import NoSuchDispute, OwnersUnnamed, find_dispute, list_disputes
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.notices import NoSuchTarget, change_egress
from tieout.flows.open_dispute import DisputeOrder, DisputeRefused, open_dispute
from tieout.flows.own_targets import set_target
from tieout.flows.payments import record_payment
from tieout.flows.say_dispute import (
    MalformedMessage,
    assign_dispute,
    isolate_dispute,
    message_customer,
    note_dispute,
    release_dispute,
    reopen_dispute,
    sent_to_customer,
    takers,
)
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import VoidRefused, void_invoice
from tieout.gateways.clock import SteppedClock
from tieout.gateways.evidence_key import NoEvidenceKey
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import DAY_MICROSECONDS, Instant
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import open_home


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, _ = disputed_home(tmp_path_factory.mktemp("disputed") / "home")
    home.close()
    return home.folder


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(FEBRUARY_3)


@pytest.fixture
def home(template: Path, tmp_path: Path, clock: SteppedClock) -> Iterator[Home]:
    folder = Path(shutil.copytree(template, tmp_path / "home"))
    with open_home(folder, clock=clock) as found:
        yield found


def owed(home: Home) -> tuple[str, ...]:
    row = next(each for each in list_invoices(home, ACME) if each.kind == "final")
    (waits,) = [each for each in collectables(home, ACME) if each.invoice == row.id] or [None]
    amounts = [row.open, row.disputed, row.collectable]
    if waits is not None:
        assert [waits.open, waits.disputed, waits.collectable] == amounts
    return tuple("-" if each is None else each.decimal_text for each in amounts)


def uphold(home: Home, dispute: Dispute, **named: object) -> DecidedDispute:
    given: dict[str, object] = {"person": OPS, "reason": "they are right", "approved_by": FINANCE, **named}
    return decide_dispute(home, dispute.id, DecisionOrder(Act.UPHELD), **given)  # type: ignore[arg-type]


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


def test_the_same_sent_again_is_the_same_dispute(home: Home) -> None:
    order = DisputeOrder(number_of(home), "3", DisputeType.EVIDENCE, "10.00", "we count less")
    first = open_dispute(home, order, person=OPS)
    again = open_dispute(home, order, person="  olga ")
    assert first.is_new and not again.is_new and again.dispute == first.dispute
    with pytest.raises(NoRoom):  # somebody else's is another
        open_dispute(home, order, person="Omar")


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
        owners = owners_named(home).owners
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
    file.unlink()
    assert "the pack is gone" in incomplete_evidence(home)[0].why[0]
    findings = [str(each) for each in verify_books(home).findings]
    assert len(findings) == 1 and "its pack is gone" in findings[0]


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


# ---------------------------------------------------------------------------------------------- decide
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


def test_a_clock_that_steps_back_leaves_events_in_their_order(home: Home, clock: SteppedClock) -> None:
    found = opened(home)
    clock.set_to(Instant(FEBRUARY_3 - DAY_MICROSECONDS))
    noted = note_dispute(home, found.id, person=OPS, text="later")
    assert noted.last.at == Instant(found.last.at + 1)
    assert uphold(home, noted).dispute.last.at > noted.last.at
    assert verify_books(home).findings == ()


# ---------------------------------------------------------------------------------------------- verify
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("said = replace(said, '1000', '900') WHERE act = 'upheld'", "and 900 were decided"),
        ("ordinal = 9 WHERE act = 'upheld'", "does not follow"),
        ("said = '{}' WHERE act = 'opened'", "cannot be read"),
        ("dispute = 'dp_other' WHERE act = 'upheld'", "does not open"),
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
