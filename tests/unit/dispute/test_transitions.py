"""The table of moves, move by move: what it allows was written down here by hand, and all else is refused."""

from __future__ import annotations

import pytest

from tieout.dispute.role import MAY, Role, decider_of
from tieout.dispute.state import CLOSED_STATES, OPEN_STATES, TRANSITIONS, Act, NoSuchMove, State, moved
from tieout.dispute.type import RULES, DisputeType

BY_HAND = """
opened        -             -> open
noted         any           -> same
messaged      any           -> same
assigned      open          -> same
assigned      reproduced    -> same
assigned      isolated      -> same
assigned      released      -> same
reproduced    open          -> reproduced
reproduced    reproduced    -> reproduced
reproduced    released      -> reproduced
conflicted    open          -> isolated
conflicted    reproduced    -> isolated
conflicted    released      -> isolated
isolated      open          -> isolated
isolated      reproduced    -> isolated
isolated      released      -> isolated
released      isolated      -> released
upheld        reproduced    -> upheld
upheld        released      -> upheld
partly-upheld reproduced    -> partly-upheld
partly-upheld released      -> partly-upheld
rejected      reproduced    -> rejected
withdrawn     open          -> withdrawn
withdrawn     reproduced    -> withdrawn
withdrawn     released      -> withdrawn
reopened      rejected      -> open
reopened      withdrawn     -> open
"""


def by_hand() -> dict[tuple[State | None, Act], State]:
    found: dict[tuple[State | None, Act], State] = {}
    for line in BY_HAND.strip().splitlines():
        act, before, _, after = line.split()
        for state in [*State] if before == "any" else [None if before == "-" else State(before)]:
            target = state if after == "same" else State(after)
            assert target is not None
            found[state, Act(act)] = target
    return found


@pytest.mark.parametrize("state", [None, *State])
@pytest.mark.parametrize("act", list(Act))
def test_every_move_is_the_one_written_by_hand_or_refused(state: State | None, act: Act) -> None:
    expected = by_hand().get((state, act))
    if expected is not None:
        assert moved(state, act) is expected
        return
    with pytest.raises(NoSuchMove) as refused:
        moved(state, act)
    assert act.value in str(refused.value) and "Nothing was recorded" in str(refused.value)


def test_nothing_is_decided_while_a_hold_stands() -> None:
    assert {act for state, act in TRANSITIONS if state is State.ISOLATED} == {
        Act.NOTED,
        Act.MESSAGED,
        Act.ASSIGNED,
        Act.RELEASED,
    }


def test_what_was_given_back_is_final() -> None:
    for state in (State.UPHELD, State.PARTLY_UPHELD):
        assert {act for before, act in TRANSITIONS if before is state} == {Act.NOTED, Act.MESSAGED}


def test_states_are_open_or_closed() -> None:
    assert frozenset(State) == OPEN_STATES | CLOSED_STATES and not OPEN_STATES & CLOSED_STATES


def test_every_type_has_its_row() -> None:
    assert set(RULES) == set(DisputeType)
    to_engineering = {each for each, rule in RULES.items() if rule.routed_to is Role.ENGINEERING}
    assert to_engineering == {DisputeType.DATA, DisputeType.WORKFLOW}
    assert {rule.routed_to for rule in RULES.values()} == {Role.OPS, Role.ENGINEERING}
    for rule in RULES.values():
        assert 1 <= rule.respond_days < rule.decide_days <= 31
        assert decider_of(rule.routed_to) == {rule.routed_to}


def test_who_may_do_what() -> None:
    ops, engineering = {Role.OPS}, {Role.ENGINEERING}
    assert MAY[Act.MESSAGED] == MAY[Act.WITHDRAWN] == MAY[Act.REOPENED] == ops
    assert MAY[Act.RELEASED] == engineering
    assert MAY[Act.ISOLATED] == MAY[Act.REPRODUCED] == MAY[Act.ASSIGNED] == ops | engineering
    assert Act.UPHELD not in MAY and Act.REJECTED not in MAY, "these hang on the type"
