"""What a verification found: every break, not the first; what was checked; and what nobody derived again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

BREAKS_PER_FILE_MAX: Final = 100
"""So many of one file are listed; the rest is counted."""
SHOWN_MAX: Final = 200
"""Characters of a text that a break repeats."""


@dataclass(frozen=True, slots=True)
class Break:
    """Something that does not check: in which file of the pack, what, and both sides of it."""

    file: str
    what: str
    expected: str
    found: str


@dataclass(slots=True)
class Report:
    """`checked` are sentences about what holds where there are no breaks."""

    breaks: list[Break] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_derived: list[str] = field(default_factory=list)
    _in_file: dict[str, int] = field(default_factory=dict)

    def add(self, file: str, what: str, expected: object, found: object) -> None:
        count = self._in_file[file] = self._in_file.get(file, 0) + 1
        if count < BREAKS_PER_FILE_MAX:
            self.breaks.append(Break(file, shown(what), shown(expected), shown(found)))
        elif count == BREAKS_PER_FILE_MAX:
            self.breaks.append(Break(file, "more of the same file", "none", "some, not listed"))

    def compare(self, file: str, facts: Iterable[tuple[str, object, object]]) -> None:
        """Facts: (what, expected, found)."""
        for what, expected, found in facts:
            if expected != found:
                self.add(file, what, expected, found)


def shown(value: object) -> str:
    """So much of it as is shown; what is no character is written as its number, so that it can be printed."""
    text = value if isinstance(value, str) else str(value)
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}... ({len(text):,} characters)"
