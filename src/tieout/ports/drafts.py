"""Drafts that wait for people, what they say about them, and lines that they add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tieout.close.review import ReviewEntry, StoredDraft
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.rate.manual_line import DecidedLine, ManualLine


class DraftStore(Protocol):
    """Revisions of drafts: only added. Whatever is said about a draft that is sealed is refused, by the
    transaction that would record it."""

    def open(self) -> tuple[StoredDraft, ...]:
        """The latest revision of each draft that may still be sealed, without its document: not of an
        interim whose period the final has billed."""
        ...

    def proposing(self) -> tuple[StoredDraft, ...]:
        """Those of them that propose ledger entries, with these."""
        ...

    def latest(self, customer: CustomerId | None = None) -> tuple[StoredDraft, ...]:
        """The same of all, or of one customer, sealed or not."""
        ...

    def revisions(self, invoice: InvoiceId) -> tuple[StoredDraft, ...]:
        """All of one draft, with their documents, the first one first."""
        ...

    def entries(self, invoices: Sequence[InvoiceId]) -> Mapping[InvoiceId, tuple[ReviewEntry, ...]]:
        """In the order in which they were made."""
        ...

    def said(self) -> tuple[int, int]:
        """How many revisions and how many entries there are; equal numbers mean that nobody said more."""
        ...

    def add(self, found: StoredDraft, *, run: int) -> bool:
        """False, and nothing stored, where it is not the next revision any more."""
        ...

    def say(self, entry: ReviewEntry) -> ReviewEntry | None:
        """The entry; or the one recorded before that says the same and stands: then nothing is recorded.
        None, and nothing recorded, where its revision is not the latest any more."""
        ...


class ManualLineStore(Protocol):
    """Lines that people add to invoices, each with one decision at most; both are final."""

    def all(
        self, *, customer: CustomerId | None = None, since: Instant | None = None
    ) -> tuple[ManualLine, ...]:
        """By customer, period and time of record; with `since`, of periods that start then or later."""
        ...

    def find(self, id: str) -> ManualLine | None: ...

    def billed(self, lines: Sequence[ManualLine]) -> Mapping[str, str]:
        """The number of the live invoice that each of them stands on, by the line's id."""
        ...

    def sealed(self, line: ManualLine) -> str | None:
        """The number of the live final invoice of its period, if that is sealed."""
        ...

    def count(self) -> int:
        """How many decisions there are; an equal number means that nobody decided more."""
        ...

    def add(self, line: ManualLine) -> bool:
        """False where its id is taken. Refuses a line of a period that is sealed."""
        ...

    def decide(self, line: ManualLine, decided: DecidedLine) -> bool:
        """False where it is decided already. Refuses to approve a line of a period that is sealed."""
        ...
