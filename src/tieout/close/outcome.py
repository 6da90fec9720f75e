"""What became of one account in a close. Every account ends in one of these; none is dropped (L15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tieout.close.breaks import Break
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import InvoiceId
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Sealed:
    """The invoice left the house; its bytes never change."""

    invoice: InvoiceId
    number: str


@dataclass(frozen=True, slots=True)
class Held:
    """Two layers do not tie; the draft waits, with every break and what to do about it. `draft` is what
    people look at meanwhile; it is no part of the outcome."""

    invoice: InvoiceId
    breaks: tuple[Break, ...]
    draft: Invoice | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parked:
    """The account could not be closed at all: the reason, and the next action for a person."""

    reason: str
    next_action: str


@dataclass(frozen=True, slots=True)
class NotDue:
    """No period has ended and waited out its grace; `due_at`: when the next one will have, if any. `why`:
    what else keeps it from being billed, where something does; its period may have ended then."""

    due_at: Instant | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class InReview:
    """The draft ties and waits for a person; `waits_for` says how long, or for whom. The signed policy says
    so: nobody is late with it."""

    invoice: InvoiceId
    revision: int
    waits_for: str


Outcome = Sealed | InReview | Held | Parked | NotDue


class OutcomeName(StrEnum):
    """The one word for an outcome: in the books, on the screen and in JSON."""

    SEALED = "sealed"
    IN_REVIEW = "in-review"
    HELD = "held"
    PARKED = "parked"
    NOT_DUE = "not-due"


WAITING: Final = frozenset({OutcomeName.HELD, OutcomeName.PARKED})
"""These accounts wait for a person."""


def outcome_name(outcome: Outcome) -> OutcomeName:
    match outcome:
        case Sealed():
            return OutcomeName.SEALED
        case InReview():
            return OutcomeName.IN_REVIEW
        case Held():
            return OutcomeName.HELD
        case Parked():
            return OutcomeName.PARKED
        case NotDue():
            return OutcomeName.NOT_DUE
