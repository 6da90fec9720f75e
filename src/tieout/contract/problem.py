"""One thing wrong in a catalog, said so that a person finds the place: file, line, document, field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` is the file as it was given; `key` names the document ("price tokens v2", or "" for the whole
    file).

    `field` is the dotted name inside the document ("tiers[1].up_to", or "" for the whole document);
    `line` counts from 1 and is None where the text is not at hand (documents read back from the books).
    """

    path: str
    key: str
    field: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.field, self.message) if part)


def problem_count(problems: Sequence[Problem]) -> str:
    """`1 problem`, `12 problems`."""
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"


def problem_lines(problems: Sequence[Problem], *, shown_max: int) -> str:
    """A line for each of the first `shown_max`, and how many more there are."""
    lines = [f"  {problem}" for problem in problems[:shown_max]]
    more = len(problems) - shown_max
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])
