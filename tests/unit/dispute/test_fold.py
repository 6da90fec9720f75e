"""A dispute is its events folded, whatever they are: the property over any allowed story, against a naive
reading of the same events; and what cannot have happened is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dispute.sample import OPENED_AT, history
from tieout.dispute.dispute import DisputeDamaged, after, disputes_of, fold
from tieout.dispute.event import Assigned, DisputeEvent, Examined, Isolated
from tieout.dispute.event_text import owners_of, owners_text, said_of, said_text
from tieout.dispute.overdue import Overdue, overdue
from tieout.dispute.owners import Owners, WrongRole
from tieout.dispute.role import Role
from tieout.dispute.room import NoRoom, check_room, collectable, on_invoice, on_line
from tieout.dispute.state import TRANSITIONS, Act, NoSuchMove, State
from tieout.kernel.ids import InvoiceId, NoticeTargetKey
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.money import Money, currency

DAY = 24 * HOUR_MICROSECONDS


@st.composite
def stories(draw: st.DrawFn) -> list[DisputeEvent]:
    """Any way through the table, of up to 14 acts."""
    acts, state = [Act.OPENED], State.OPEN
    for _ in range(draw(st.integers(0, 13))):
        open_ways = sorted(act for before, act in TRANSITIONS if before is state)
        act = draw(st.sampled_from(open_ways))
        acts.append(act)
        state = TRANSITIONS[state, act]
    return history(*acts)


@given(stories())
def test_a_fold_says_what_a_naive_reading_of_the_events_says(events: list[DisputeEvent]) -> None:
    dispute = fold(events)
    words = [each.act.value for each in events]
    last = next(each for each in reversed(words) if each not in ("noted", "messaged", "assigned"))
    names = {"opened": "open", "reopened": "open", "conflicted": "isolated"}
    assert dispute.state.value == names.get(last, last)
    closed = last in ("upheld", "partly-upheld", "rejected", "withdrawn")
    assert dispute.is_open == (not closed) and dispute.not_collected == (0 if closed else 1190)
    assert (
        (dispute.hold is not None) == (dispute.update_by is not None) == (last in ("isolated", "conflicted"))
    )
    since = max(place for place, word in enumerate(words) if word in ("opened", "reopened"))
    assert dispute.is_answered == ("messaged" in words[since:])
    assert (dispute.decided is not None) == closed
    engineer = "Eva"
    for each in events:
        if isinstance(each.said, Assigned) and each.said.role is Role.ENGINEERING:
            engineer = each.said.to
        if isinstance(each.said, Isolated) or (isinstance(each.said, Examined) and each.said.isolation):
            engineer = "Eva"
    assert dispute.owners[Role.ENGINEERING] == engineer
    assert dispute.hold is None or dispute.hold.engineering == engineer


@given(stories(), st.data())
def test_folding_in_parts_is_folding_at_once(events: list[DisputeEvent], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(events)))
    found = fold(events[:cut])
    for each in events[cut:]:
        found = after(found, each)
    assert found == fold(events)


@given(stories())
def test_what_is_written_is_read_back_to_the_same(events: list[DisputeEvent]) -> None:
    for each in events:
        assert said_of(each.dispute, said_text(each.said)) == each.said


@given(stories(), st.data())
def test_what_does_not_follow_is_refused(events: list[DisputeEvent], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(events) - 1))
    broken = list(events)
    how = data.draw(st.sampled_from(["leave out", "twice", "other invoice", "older"]))
    if how == "leave out":
        if place == len(events) - 1:
            return
        del broken[place]
    elif how == "twice":
        broken.insert(place, broken[place])
    elif how == "other invoice":
        if len(events) == 1:
            return
        broken[place] = replace(broken[place], invoice=InvoiceId("in_2"))
    else:
        if place == 0:
            return
        broken[place] = replace(broken[place], at=Instant(OPENED_AT - 1))
    with pytest.raises((DisputeDamaged, NoSuchMove)):
        fold(broken)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "1000"},
        {"amount": 1000.0},
        {"amount": 0},
        {"type": "mood"},
        {"line": 3},
        {"extra": "x"},
        {"currency": "XXX"},
        {"act": "rejected"},
    ],
)
def test_a_stored_event_that_was_changed_is_named(change: dict[str, object]) -> None:
    (event,) = history(Act.OPENED)
    text = json.dumps({**json.loads(said_text(event.said)), **change}, sort_keys=True, separators=(",", ":"))
    with pytest.raises(DisputeDamaged, match="dp_1"):
        said_of("dp_1", text)


def test_deadlines_are_whole_local_days_and_say_what_is_overdue() -> None:
    """Opened on Thursday 5 February at 05:00 in New York; of data: an answer by the end of the 6th, a
    decision by the end of the 26th. Held at 06:00, told at 07:00: the next word by the end of the 12th."""
    opened = fold(history(Act.OPENED))
    assert opened.deadlines.respond_by == Instant(OPENED_AT + 2 * DAY - 5 * HOUR_MICROSECONDS)
    assert opened.deadlines.decide_by == Instant(OPENED_AT + 22 * DAY - 5 * HOUR_MICROSECONDS)
    at = opened.deadlines.respond_by
    assert overdue(opened, now=Instant(at - 1)) == ()
    assert overdue(opened, now=at) == (Overdue.ANSWER,)
    held = fold(history(Act.OPENED, Act.ISOLATED, Act.MESSAGED))
    assert held.update_by == Instant(OPENED_AT + 8 * DAY - 5 * HOUR_MICROSECONDS)
    assert overdue(held, now=held.update_by) == (Overdue.UPDATE,)
    assert overdue(held, now=held.deadlines.decide_by) == (Overdue.UPDATE, Overdue.DECISION)
    told = fold(history(Act.OPENED, Act.REPRODUCED, Act.REJECTED))
    assert overdue(told, now=Instant(at + 90 * DAY)) == ()


def test_open_disputes_add_up_and_the_rest_is_collected() -> None:
    open_ = fold(history(Act.OPENED))
    other = fold(history(Act.OPENED, Act.MESSAGED, dispute="dp_2"))
    over = fold(history(Act.OPENED, Act.WITHDRAWN, dispute="dp_3"))
    line = open_.claim.line
    assert line is not None
    assert on_line([open_, other, over], line) == 2000
    assert on_invoice([open_, other, over], open_.invoice) == 2380
    unit = currency("USD")
    check_room("line 3", Money(500, unit), left=2500, disputed=2000)
    with pytest.raises(NoRoom, match=r"5\.01 USD of line 3 .* 25\.00 USD of it is left, and 20\.00 USD"):
        check_room("line 3", Money(501, unit), left=2500, disputed=2000)
    assert (collectable(3000, 2380), collectable(2000, 2380), collectable(0, 0)) == (620, 0, 0)


def test_a_list_of_disputes_is_by_when_they_were_opened() -> None:
    events = [*history(Act.OPENED, Act.NOTED, dispute="dp_a"), *history(Act.OPENED, dispute="dp_b")]
    assert [each.id for each in disputes_of(events)] == ["dp_a", "dp_b"]


def test_owners_are_read_back_and_say_who_may() -> None:
    owners = Owners(
        {Role.OPS: ("Olga", "Omar"), Role.ENGINEERING: ("Eva",), Role.FINANCE: ()},
        {Role.OPS: (NoticeTargetKey("ops-mail"),), Role.ENGINEERING: (), Role.FINANCE: ()},
        "Ada",
        "the team",
        OPENED_AT,
    )
    text = owners_text(owners)
    assert owners_of(text, person="Ada", reason="the team", at=OPENED_AT) == owners
    assert owners.missing == (Role.FINANCE,)
    owners.check("  olga ", [Role.OPS], "write to the customer")
    with pytest.raises(WrongRole, match="Eva may not approve it: that is for finance: nobody"):
        owners.check("Eva", [Role.FINANCE], "approve it")
    with pytest.raises(DisputeDamaged):
        owners_of(text.replace('"Eva"', "7"), person="", reason="", at=OPENED_AT)
