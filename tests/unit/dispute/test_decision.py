"""What may be decided: by whom, of which amounts, and that upheld is all of it and in part is less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dispute.sample import CLAIM, LINE, history
from tieout.dispute.decision import (
    DecisionOrder,
    check_people,
    check_sum,
    gives_notes,
    refuse_same_scope,
    wanted_lines,
)
from tieout.dispute.dispute import fold
from tieout.dispute.event import CreditGiven, Outcome
from tieout.dispute.owners import Owners, WrongRole
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.kernel.ids import InvoiceId, LineId

WHOLE = replace(CLAIM, line=None, amount=1_190)
OWNERS = Owners({Role.OPS: ("Olga",), Role.ENGINEERING: ("Eva", "Finn"), Role.FINANCE: ("Finn",)})
UPHELD, PARTLY = DecisionOrder(Act.UPHELD), DecisionOrder(Act.PARTLY_UPHELD, "4.00")


def credits(*amounts: tuple[int, int]) -> list[CreditGiven]:
    return [CreditGiven(LINE, InvoiceId(f"in_{place}"), *each) for place, each in enumerate(amounts)]


@pytest.mark.parametrize(
    ("outcome", "person", "approved_by", "says"),
    [
        (Act.UPHELD, "Eva", "Finn", ""),
        (Act.PARTLY_UPHELD, " EVA ", "finn", ""),
        (Act.REJECTED, "Eva", None, ""),
        (Act.WITHDRAWN, "Olga", None, ""),
        (Act.UPHELD, "Olga", "Finn", "Olga may not decide"),
        (Act.WITHDRAWN, "Eva", None, "Eva may not record"),
        (Act.UPHELD, "Eva", None, "approved by a person of finance"),
        (Act.UPHELD, "Eva", "Olga", "Olga may not approve"),
        (Act.UPHELD, "Finn", "finn", "another person approves"),
        (Act.REJECTED, "Eva", "Finn", "leave out --approved-by"),
    ],
)
def test_who_decides_and_who_approves(
    outcome: Outcome, person: str, approved_by: str | None, says: str
) -> None:
    dispute = fold(history(Act.OPENED))
    if not says:
        check_people(OWNERS, dispute, outcome, person, approved_by)
        return
    with pytest.raises((WrongRole, DisputeRefused), match=says):
        check_people(OWNERS, dispute, outcome, person, approved_by)


def test_notes_give_back_unless_nothing_is_or_a_correction_has() -> None:
    assert gives_notes(UPHELD) and gives_notes(PARTLY)
    assert not gives_notes(replace(UPHELD, corrected=True))
    assert not gives_notes(DecisionOrder(Act.REJECTED)) and not gives_notes(DecisionOrder(Act.WITHDRAWN))
    for named in ({"amount": "1"}, {"lines": [("1", None)]}, {"corrected": True}):
        with pytest.raises(DisputeRefused, match="rejected gives nothing back"):
            gives_notes(replace(DecisionOrder(Act.REJECTED), **named))  # type: ignore[arg-type]


def test_which_lines_give_back_how_much() -> None:
    assert wanted_lines(CLAIM, UPHELD) == [(LINE, "10.00")]
    assert wanted_lines(CLAIM, PARTLY) == [(LINE, "4.00")]
    lines = [("1", None), ("3", "2.00")]
    assert wanted_lines(WHOLE, replace(UPHELD, lines=lines)) == lines


@pytest.mark.parametrize(
    ("claim", "order", "says"),
    [
        (CLAIM, replace(UPHELD, amount="10.00"), "leave out --amount"),
        (CLAIM, replace(PARTLY, amount=None), "say how much"),
        (CLAIM, replace(UPHELD, lines=[("1", None)]), "leave out --credit"),
        (WHOLE, UPHELD, "say which lines"),
        (WHOLE, PARTLY, "say which lines"),
    ],
)
def test_amounts_are_named_where_they_are_asked_for(claim: object, order: DecisionOrder, says: str) -> None:
    with pytest.raises(DisputeRefused, match=says):
        wanted_lines(claim, order)  # type: ignore[arg-type]


def test_two_lines_for_the_same_usage_are_not_both_credited() -> None:
    one, two = LineId("in_1-001"), LineId("in_1-002")
    refuse_same_scope([(("s", "p", 1), one), (("s", "p", 2), two)])
    with pytest.raises(DisputeRefused, match=f"lines {one} and {two} are for the same usage"):
        refuse_same_scope([(("s", "p", 1), one), (("s", "p", 1), two)])


@given(st.lists(st.tuples(st.integers(1, 1_300), st.integers(0, 300)), min_size=1, max_size=4))
def test_upheld_is_all_of_it_and_in_part_is_less(notes: list[tuple[int, int]]) -> None:
    given_ = credits(*((amount, amount + tax) for amount, tax in notes))
    for claim, back in (
        (CLAIM, sum(amount for amount, _ in notes) - 1_000),
        (WHOLE, sum(amount + tax for amount, tax in notes) - 1_190),
    ):
        for outcome, fits in ((Act.UPHELD, back == 0), (Act.PARTLY_UPHELD, back < 0)):
            if fits:
                check_sum(claim, outcome, given_)
            else:
                with pytest.raises(DisputeRefused, match="would be given back of"):
                    check_sum(claim, outcome, given_)


def test_what_was_disputed_to_the_cent_is_upheld() -> None:
    check_sum(CLAIM, Act.UPHELD, credits((1_000, 1_190)))
    check_sum(WHOLE, Act.UPHELD, credits((500, 590), (600, 600)))
    with pytest.raises(DisputeRefused, match="not a part of it"):
        check_sum(CLAIM, Act.PARTLY_UPHELD, credits((1_000, 1_190)))
