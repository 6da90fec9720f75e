"""Disputes in the books: events that are only added, each step with the notes and notices that it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tieout.dispute.event import DisputeEvent
from tieout.dispute.owners import Owners
from tieout.evidence.stored import StoredInvoice
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId
from tieout.notice.notice import Notice

if TYPE_CHECKING:
    from tieout.ports.books import Sealing


class DisputesMoved(ConflictError):
    """Something was recorded of the customer's disputes after they were read; nothing was written."""

    code = "disputes-moved"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"Somebody recorded something of a dispute of {customer} at this very moment; nothing was "
            "recorded: look, and run it again."
        )


class NoteOvertaken(ConflictError):
    """A credit note's place was taken by another at this very moment; nothing was written."""

    code = "dispute-note-overtaken"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"A note of {customer} was sealed at this very moment; nothing was recorded: look, and run it "
            "again."
        )


@dataclass(frozen=True, slots=True)
class Step:
    """Events of one customer's disputes, worked out when `disputes_seen` of them were recorded and, where its
    papers matter, it had `papers_seen` papers and voids."""

    events: Sequence[DisputeEvent]
    disputes_seen: int
    papers_seen: int | None = None
    notices: Sequence[Notice] = ()


class DisputeStore(Protocol):
    """Events are never changed; a dispute is what they fold to."""

    def events(self, customer: CustomerId | None = None) -> tuple[DisputeEvent, ...]:
        """By dispute, each dispute's in their order. Raises `DisputeDamaged` where one cannot be read."""
        ...

    def of(self, dispute: str) -> tuple[DisputeEvent, ...]:
        """Of the dispute of that id, in their order; none where there is none. Raises `DisputeDamaged`."""
        ...

    def ids(self, beginning: str) -> tuple[str, ...]:
        """Of the disputes whose ids begin so, in order."""
        ...

    def customers(self) -> tuple[CustomerId, ...]:
        """Who ever disputed anything."""
        ...

    def record(
        self, step: Step, *, notes: Sequence[Sealing] = (), run: int | None = None
    ) -> tuple[StoredInvoice, ...]:
        """All of the step in one transaction, with the sealing of its credit notes in that run. Raises
        `DisputesMoved`, `PapersMoved`, `NoteOvertaken` where something came in between: then nothing was
        written."""
        ...

    def owners(self) -> Owners | None:
        """Those named last; None: nobody ever was."""
        ...

    def all_owners(self) -> tuple[Owners, ...]:
        """In the order in which they were named."""
        ...

    def name_owners(self, owners: Owners) -> None: ...
