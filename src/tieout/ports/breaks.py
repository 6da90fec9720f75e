"""Breaks as the books keep them, and the waivers that let a difference pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.close.account import AccountOutcome
from tieout.close.breaks import Break
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class RecordedBreak:
    """A break that run `run` of the close found; `customer` None where it is of no one account."""

    run: int
    ordinal: int
    customer: CustomerId | None
    period: Period | None
    invoice: InvoiceId | None
    found: Break


class BreakStore(Protocol):
    """Breaks of every close: only added, so that a repaired one stays on record."""

    def record(self, run: int, outcomes: Sequence[AccountOutcome], noted: Sequence[Break]) -> None:
        """Those of each held account, one that holds the whole cycle once, and those that hold nothing."""
        ...

    def open(self) -> tuple[RecordedBreak, ...]:
        """What holds an account now: the breaks of the last run that looked at it; and what the last run
        noted."""
        ...

    def of(self, customer_or_invoice: str) -> tuple[RecordedBreak, ...]:
        """Every break that was ever found of a customer or an invoice, by run; those of a cycle too where the
        account was held by it."""
        ...


@dataclass(frozen=True, slots=True)
class ProposedWaiver:
    """A proposal that a stated difference may pass; it does so only once three roles have signed it.
    `document` is canonical JSON, and what is signed by its digest."""

    digest: str
    source: str
    statement: str
    document: str
    person: str
    reason: str
    proposed_at: Instant


class WaiverStore(Protocol):
    """Proposed waivers; their signatures are in the store of signatures, under their digests."""

    def all(self) -> tuple[ProposedWaiver, ...]:
        """In the order in which they were proposed."""
        ...

    def add(self, waiver: ProposedWaiver) -> None:
        """The same proposal again changes nothing."""
        ...
