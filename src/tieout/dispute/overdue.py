"""What of a dispute should have happened by now, and what happened after its day."""

from __future__ import annotations

from enum import StrEnum

from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Decided, Messaged, Opened, Reopened
from tieout.dispute.state import State
from tieout.kernel.instant import Instant


class Overdue(StrEnum):
    """What should have happened by now."""

    ANSWER = "answer"
    UPDATE = "update"
    DECISION = "decision"


def overdue(dispute: Dispute, *, now: Instant) -> tuple[Overdue, ...]:
    """Nothing of a dispute that is decided."""
    if not dispute.is_open:
        return ()
    found = []
    if not dispute.is_answered and now >= dispute.deadlines.respond_by:
        found.append(Overdue.ANSWER)
    if dispute.state is State.ISOLATED and dispute.update_by is not None and now >= dispute.update_by:
        found.append(Overdue.UPDATE)
    if now >= dispute.deadlines.decide_by:
        found.append(Overdue.DECISION)
    return tuple(found)


def done_late(dispute: Dispute) -> tuple[Overdue, ...]:
    """The first answer to the customer, and the decision, where they came after their day; since it was
    opened the last time."""
    answered = decided = None
    for event in dispute.events:
        match event.said:
            case Opened() | Reopened():
                answered = decided = None
            case Messaged():
                answered = event.at if answered is None else answered
            case Decided():
                decided = event.at
            case _:
                pass
    late = (
        (Overdue.ANSWER, answered, dispute.deadlines.respond_by),
        (Overdue.DECISION, decided, dispute.deadlines.decide_by),
    )
    return tuple(what for what, at, by in late if at is not None and at >= by)
