"""A narrow level leaves nobody out: whoever a close would have looked at, it bills or tells as not due."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tieout.close.account import AccountOutcome
from tieout.close.outcome import NotDue, Parked
from tieout.flows.due_accounts import Agenda
from tieout.flows.readiness_level import NARROW, NO_INTERIMS, within_level
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.readiness.level import Level, RecordedLevel

CUSTOMERS = st.sampled_from([CustomerId(name) for name in "abcd"])
PERIODS = st.sampled_from([Period(Instant(start), Instant(start + 10)) for start in (0, 10, 20)])
POLICY = SimpleNamespace(policy=SimpleNamespace(grace_hours=0))


@st.composite
def agendas(draw: st.DrawFn) -> Agenda:
    """Each customer's periods are due or told; one with neither is told without a period."""
    keys = draw(st.sets(st.tuples(CUSTOMERS, PERIODS), max_size=6))
    due: list[Any] = []
    told: list[AccountOutcome] = []
    for customer, period in sorted(keys, key=lambda key: (key[0], key[1].start)):
        kind = draw(st.sampled_from(("due", "running", "not due", "parked")))
        running = SimpleNamespace() if kind == "running" else None
        if kind in ("due", "running"):
            due.append(SimpleNamespace(customer=customer, period=period, running=running, policy=POLICY))
        else:
            outcome = NotDue(period.end) if kind == "not due" else Parked("why", "next")
            told.append(AccountOutcome(customer, period, outcome))
        if kind == "running" and draw(st.booleans()):
            told.append(AccountOutcome(customer, None, NotDue(period.end)))
    return Agenda(tuple(due), tuple(told))


@given(agendas(), st.sets(CUSTOMERS))
def test_nobody_is_left_out_and_nobody_is_told_twice(plan: Agenda, listed: set[CustomerId]) -> None:
    level = RecordedLevel(1, Level.NARROW, tuple(sorted(listed)), "Dana", "launch", Instant(0))
    found = within_level(level, plan)
    before = {(each.customer, each.period) for each in (*plan.due, *plan.outcomes) if each.period is not None}
    after = [
        (each.customer, each.period) for each in (*found.due, *found.outcomes) if each.period is not None
    ]
    assert sorted(after, key=str) == sorted(before, key=str)
    assert {each.customer for each in (*plan.due, *plan.outcomes)} == {
        each.customer for each in (*found.due, *found.outcomes)
    }
    assert all(each.customer in listed and each.running is None for each in found.due)
    for each in found.outcomes:
        if each.customer not in listed:
            assert isinstance(each.outcome, NotDue) and each.outcome.why == NARROW
        elif isinstance(each.outcome, NotDue):
            assert each.outcome.why in ("", NO_INTERIMS)


@given(agendas())
def test_no_level_and_a_wide_one_change_nothing(plan: Agenda) -> None:
    wide = RecordedLevel(1, Level.WIDE, (), "Dana", "launch", Instant(0))
    assert within_level(None, plan) is plan
    assert within_level(wide, plan) is plan
