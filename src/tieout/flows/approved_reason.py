"""Why something sealed was taken back, with who decided it and who approved: one text, as papers keep it.

Written and read here only: a recording of the home (`record_decisions.py`) finds the two people again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DECIDED: Final = re.compile(r"(.*) \(decided by (.+), approved by (.+)\)\Z", re.DOTALL)
_AGREED: Final = re.compile(r"(.*) \(agreed by (.+), approved by (.+)\); of this line of ", re.DOTALL)
"""`planned_note` adds what was left of the line, and after it."""


@dataclass(frozen=True, slots=True)
class ApprovedReason:
    """Two people: `by` decided, `approved_by` approved."""

    reason: str
    by: str
    approved_by: str


def decided_text(said: ApprovedReason) -> str:
    """Of a voided paper, and of what a dispute gives back."""
    return f"{said.reason} (decided by {said.by}, approved by {said.approved_by.strip()})"


def agreed_text(said: ApprovedReason) -> str:
    """Of the credit of a line."""
    return f"{said.reason} (agreed by {said.by}, approved by {said.approved_by.strip()})"


def read_decided(text: str) -> ApprovedReason | None:
    """Back from `decided_text`; None where it is no such text."""
    return _read(_DECIDED, text)


def read_agreed(text: str) -> ApprovedReason | None:
    """Back from `agreed_text`, as a sealed note has it; None where it is no such text."""
    return _read(_AGREED, text)


def _read(pattern: re.Pattern[str], text: str) -> ApprovedReason | None:
    found = pattern.match(text)
    return None if found is None else ApprovedReason(*found.groups())
