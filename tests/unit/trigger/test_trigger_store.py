"""A look is recorded whole and once; what it placed, asked and lifted is there with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.notices import NOON, notice
from tieout.contract.charge_control import HoldEnds
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.ports.triggers import Hold, Look, LookedElsewhere, NotOpen
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.trigger.charge.control import HoldLifted, HoldPlaced, InterimAsked, ReviewAsked
from tieout.trigger.crossing import (
    Change,
    ChangeKind,
    Reading,
    RuleId,
    RuleKind,
    Scope,
    ThresholdState,
)
from tieout.wiring import Home, create_home

MARCH = Period(parse_instant("2026-03-01T00:00:00Z"), parse_instant("2026-04-01T00:00:00Z"))
ACME = CustomerId("acme")
RULE = RuleId(RuleKind.CHARGE_CONTROL, "stop", 1)
SCOPE = Scope(ACME, MARCH)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with create_home(tmp_path / "home", clock=SteppedClock(NOON)) as home:
        yield home


def change(ordinal: int = 1, kind: ChangeKind = ChangeKind.CROSSED, threshold: int = 500) -> Change:
    reading = Reading(Exact(2003, 4), Exact(600), "USD", Watermark(3), NOON)
    return Change(RULE, SCOPE, Exact(threshold), ordinal, kind, reading)


def look(since: int, until: int, *changes: Change, effects: tuple[object, ...] = ()) -> Look:
    told = [(each, "exposure crossed 500 USD") for each in effects]
    return Look(Watermark(since), Watermark(until), changes, told, [notice()])  # type: ignore[arg-type]


def test_a_look_is_recorded_whole_and_once(home: Home) -> None:
    store, first = home.books.triggers, change()
    assert store.looked() is None
    placed = HoldPlaced(first.id, ACME, ("chat",), MARCH, HoldEnds.PERIOD)
    store.record(look(0, 3, first, effects=(placed,)), at=NOON)
    for again in (look(0, 3, first), look(0, 4), look(2, 4)):
        with pytest.raises(LookedElsewhere):
            store.record(again, at=NOON)
    assert store.looked() == 3
    assert [each.change for each in store.changes_of(ACME)] == [first]
    assert store.states([SCOPE.customer]) == {(RULE, SCOPE, Exact(500)): ThresholdState(1, armed=False)}
    (held,) = store.holds([ACME])
    assert (held.features, held.until, held.change) == (("chat",), MARCH.end, first.id)
    assert held.stands_at(NOON)
    assert not held.stands_at(MARCH.end)
    assert home.books.notices.find(notice().id) is not None


def test_two_looks_without_a_new_batch_record_a_change_once(home: Home) -> None:
    store = home.books.triggers
    store.record(look(0, 3), at=NOON)
    store.record(look(3, 3, change()), at=NOON)
    with pytest.raises(LookedElsewhere):
        store.record(look(3, 3, change()), at=NOON)
    assert len(store.changes_of(None)) == 1


def test_what_cannot_be_recorded_leaves_nothing(home: Home) -> None:
    """The effect names a crossing that is not recorded: changes, cursor and notice go with it."""
    store = home.books.triggers
    with pytest.raises(DBAPIError):
        store.record(look(0, 3, change(), effects=(ReviewAsked("of-nothing", ACME),)), at=NOON)
    assert (store.looked(), store.changes_of(None), store.reviews()) == (None, (), ())
    assert home.books.notices.find(notice().id) is None


def test_a_control_lifts_its_own_hold_and_a_person_lifts_once(home: Home) -> None:
    store, crossed = home.books.triggers, change()
    store.record(
        look(0, 3, crossed, effects=(HoldPlaced(crossed.id, ACME, (), None, HoldEnds.BELOW),)), at=NOON
    )
    back = change(kind=ChangeKind.REARMED)
    later = Instant(NOON + 1)
    store.record(look(3, 5, back, effects=(HoldLifted(back.id, ACME, crossed.id),)), at=later)
    (held,) = store.holds()
    assert held.released == (None, "exposure crossed 500 USD", later)
    assert store.states([SCOPE.customer])[RULE, SCOPE, Exact(500)] == ThresholdState(1, armed=True)
    store.place(Hold("by-hand", ACME, (), "asked to", "Ada", NOON, None, None, None))
    store.release("by-hand", person="Bram", reason="paid", at=later)
    for wrong in ("by-hand", held.id, "nothing"):
        with pytest.raises(NotOpen):
            store.release(wrong, person="Bram", reason="again", at=later)


def test_reviews_and_requests_are_answered_once(home: Home) -> None:
    store, one, two = home.books.triggers, change(), change(threshold=900)
    asked = (ReviewAsked(one.id, ACME), InterimAsked(two.id, ACME, MARCH))
    store.record(look(0, 3, one, two, effects=asked), at=NOON)
    held = Hold("decided", ACME, ("chat",), "too much", "Ada", NOON, None, None, None)
    store.decide(one.id, decision="hold", person="Ada", reason="too much", at=NOON, held=held)
    store.answer(two.id, outcome="declined", reason="no policy", invoice=None, at=NOON)
    for again in (
        lambda: store.decide(one.id, decision="let go", person="Bo", reason="no", at=NOON, held=None),
        lambda: store.answer(two.id, outcome="declined", reason="again", invoice=None, at=NOON),
    ):
        with pytest.raises(NotOpen):
            again()
    assert [review.decided and review.decided[0] for review in store.reviews()] == ["hold"]
    assert store.interim_requests(open_only=True) == ()
    (request,) = store.interim_requests(open_only=False)
    assert request.asked.period == MARCH
    assert {each.id for each in store.holds()} == {"decided"}


def test_the_database_refuses_to_change_what_was_recorded(home: Home, tmp_path: Path) -> None:
    crossed = change()
    placed = HoldPlaced(crossed.id, ACME, (), None, HoldEnds.PERSON)
    home.books.triggers.record(look(0, 3, crossed, effects=(placed,)), at=NOON)
    engine = open_engine(tmp_path / "home" / "books.db", schema="books")
    for statement in (
        "UPDATE trigger_change SET value = '1'",
        "DELETE FROM trigger_change",
        "DELETE FROM hold",
        "UPDATE hold SET reason = ''",
    ):
        with pytest.raises(DBAPIError), begin_immediate(engine) as connection:
            connection.execute(text(statement))
    engine.dispose()
