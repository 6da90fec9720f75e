"""What of a dispute should have happened by now."""

from __future__ import annotations

from enum import StrEnum

from tieout.dispute.dispute import Dispute
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
