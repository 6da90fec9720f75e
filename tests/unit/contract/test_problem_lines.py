"""A refusal lists the first problems, and says how many more there are."""

from __future__ import annotations

import pytest

from tieout.contract.problem import Problem, problem_count, problem_lines

FOUND = [Problem("a.toml", "price calls v1", "tiers", f"is wrong {number}", number) for number in (1, 2, 3)]


@pytest.mark.parametrize(("shown_max", "last"), [(2, "  and 1 more"), (3, "  a.toml:3: price calls v1: ")])
def test_the_rest_is_counted(shown_max: int, last: str) -> None:
    lines = problem_lines(FOUND, shown_max=shown_max).split("\n")
    assert lines[0] == "  a.toml:1: price calls v1: tiers: is wrong 1"
    assert len(lines) == 3
    assert lines[-1].startswith(last)


def test_one_problem_is_no_plural() -> None:
    assert (problem_count(FOUND[:1]), problem_count(FOUND)) == ("1 problem", "3 problems")
