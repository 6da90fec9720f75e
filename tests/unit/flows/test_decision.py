"""A name is 1 to 128 printable characters, and a refusal says whose name it is about."""

from __future__ import annotations

import pytest

from tieout.flows.decision import PERSON_LENGTH_MAX, DecisionIncomplete, named


def test_blanks_around_a_name_are_no_part_of_it() -> None:
    assert named(" Ada Okafor ") == "Ada Okafor"
    assert named("a" * PERSON_LENGTH_MAX) == "a" * PERSON_LENGTH_MAX


@pytest.mark.parametrize("person", ["", "  ", "a" * (PERSON_LENGTH_MAX + 1), "Ada\nOkafor"])
def test_whoever_approves_is_named_too(person: str) -> None:
    with pytest.raises(DecisionIncomplete, match=r"the person who approves \(--approved-by\) must be 1 to"):
        named(person, "the person who approves (--approved-by)")
