"""Why an event cannot be taken back or amended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tieout.ingest.rejection import Rejected
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.ports import StoredEvent


def rejection_text(rejected: Rejected) -> str:
    """Reason, field and detail in one sentence."""
    where = f"{rejected.field}: " if rejected.field else ""
    return f"{rejected.reason.sentence} {where}{rejected.detail}."


class NoSuchEvent(NotFound):
    """The log holds no such event."""

    code = "no-such-event"

    def __init__(self, source: str, event_id: str, *, in_advance: bool = True) -> None:
        hint = "; to take back what has yet to arrive, say --in-advance" if in_advance else ""
        super().__init__(f"The log holds no event {shown(event_id)} of source {shown(source)}{hint}.")


class RetractionIsFinal(ConflictError):
    """The event to take back is itself a retraction."""

    code = "retraction-is-final"

    def __init__(self, event_id: str) -> None:
        super().__init__(
            f"{shown(event_id)} names a retraction, which is final; to count the event again, send it with a "
            "new id."
        )


class AlreadyRetracted(ConflictError):
    """An event that does not count any more cannot be amended."""

    code = "already-retracted"

    def __init__(self, event_id: str, retraction: StoredEvent) -> None:
        super().__init__(
            f"Event {shown(event_id)} was retracted before, at {retraction.position}; send what should count "
            "as an event of its own."
        )


class RetractionRefused(Refusal):
    """The words of the retraction do not fit its contract."""

    code = "retraction-refused"

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(f"The retraction cannot be written: {rejection_text(rejected)}")


class AmendmentRefused(Refusal):
    """The file holds no event that can take the place of another."""

    code = "amendment-refused"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file}: {why} Nothing was stored.")


class IdTaken(ConflictError):
    """The amending event's id is in the log already."""

    code = "id-taken"

    def __init__(self, event_id: str, where: str) -> None:
        super().__init__(
            f"The id {shown(event_id)} was accepted before{where}; give the amending event a new one. "
            "Nothing was stored."
        )


class ApprovalNeeded(ConflictError):
    """A sealed invoice counts the event: one person alone may not take it back."""

    code = "approval-needed"

    def __init__(self, event_id: str, invoices: Sequence[str]) -> None:
        super().__init__(
            f"Event {shown(event_id)} counts in sealed invoice {', '.join(invoices)}; a second person has to "
            "approve (--approved-by NAME)."
        )


class NobodyNamed(Refusal):
    """Who decides, and who approves, is some person."""

    code = "nobody-named"

    def __init__(self, option: str) -> None:
        super().__init__(f"A retraction names the person: {option} NAME.")


class SelfApproval(Refusal):
    """Who decides does not approve."""

    code = "self-approval"

    def __init__(self, person: str) -> None:
        super().__init__(f"{shown(person)} cannot approve their own retraction; name another person.")
