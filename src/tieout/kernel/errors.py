"""The error tree. Each branch has one exit code, so that a caller can react without reading the text.

Expected outcomes are values, not errors. A concrete refusal lives beside the rule it guards; its constructor
takes the facts, and `str(error)` is a sentence for a person.
"""

from __future__ import annotations

from typing import ClassVar

SHOWN_LENGTH_MAX = 60
"""Characters of a stranger's text that an error message repeats."""


class TieoutError(Exception):
    """Any failure that this program names. Exit code 1: a check found a difference."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"


class Refusal(TieoutError):
    """The input or the command is not acceptable as it stands."""

    exit_code = 2
    code = "refused"


class NotFound(Refusal):
    """What was named does not exist here."""

    exit_code = 3
    code = "not-found"


class ConflictError(Refusal):
    """It contradicts what is recorded, or the record is closed."""

    exit_code = 4
    code = "conflict"


class Unavailable(TieoutError):
    """It cannot be done now; the same request may succeed later."""

    exit_code = 5
    code = "unavailable"


class IntegrityViolation(TieoutError):
    """Stored data contradicts itself. The work on that account stops."""

    exit_code = 6
    code = "integrity-violation"


def shown(text: str) -> str:
    """A stranger's text as an error may repeat it: quoted, escaped, at most `SHOWN_LENGTH_MAX` characters."""
    if len(text) <= SHOWN_LENGTH_MAX:
        return ascii(text)
    return f"{text[:SHOWN_LENGTH_MAX]!a}... ({len(text)} characters)"
