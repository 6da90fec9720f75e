"""What became of one account in a close. Every account ends in one of these; none is dropped (L15)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.close.breaks import Break
from tieout.kernel.ids import InvoiceId
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Sealed:
    """The invoice left the house; its bytes never change."""

    invoice: InvoiceId
    number: str


@dataclass(frozen=True, slots=True)
class Held:
    """Two layers do not tie; the draft waits, with every break and what to do about it."""

    invoice: InvoiceId
    breaks: tuple[Break, ...]


@dataclass(frozen=True, slots=True)
class Parked:
    """The account could not be closed at all: the reason, and the next action for a person."""

    reason: str
    next_action: str


@dataclass(frozen=True, slots=True)
class NotDue:
    """No period has ended and waited out its grace; `due_at`: when the next one will have, if any."""

    due_at: Instant | None


Outcome = Sealed | Held | Parked | NotDue


class OutcomeName(StrEnum):
    """The one word for an outcome: in the books, on the screen and in JSON."""

    SEALED = "sealed"
    HELD = "held"
    PARKED = "parked"
    NOT_DUE = "not-due"


WAITING: Final = frozenset({OutcomeName.HELD, OutcomeName.PARKED})
"""These accounts wait for a person."""


def outcome_name(outcome: Outcome) -> OutcomeName:
    match outcome:
        case Sealed():
            return OutcomeName.SEALED
        case Held():
            return OutcomeName.HELD
        case Parked():
            return OutcomeName.PARKED
        case NotDue():
            return OutcomeName.NOT_DUE
