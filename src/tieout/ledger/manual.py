"""An entry that a person asks for and another one approves: nobody posts alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.kernel.person import is_same_person
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting

MANUAL = "manual/"


class NotDecidable(ConflictError):
    """The entry cannot be decided by this person, or is decided already."""

    code = "not-decidable"


@dataclass(frozen=True, slots=True)
class ManualDecision:
    """What the second person said."""

    approved: bool
    person: str
    reason: str
    decided_at: Instant


@dataclass(frozen=True, slots=True)
class ManualEntry:
    """Proposed until there is a decision. Raises `Unbalanced` where the postings do not balance."""

    id: str
    customer: CustomerId
    effective_at: Instant
    postings: tuple[Posting, ...]
    person: str
    reason: str
    proposed_at: Instant
    decision: ManualDecision | None = None
    effective_on: date | None = None

    def __post_init__(self) -> None:
        assert self.entry is not None, "made, so that it balances"

    @property
    def state(self) -> str:
        if self.decision is None:
            return "proposed"
        return "posted" if self.decision.approved else "rejected"

    @property
    def entry(self) -> Entry:
        """As it is posted once it is approved."""
        people = self.person if self.decision is None else f"{self.person}, {self.decision.person}"
        return Entry(
            id=f"{MANUAL}{self.id}",
            kind=EntryKind.MANUAL,
            customer=self.customer,
            effective_at=self.effective_at,
            postings=self.postings,
            reason=self.reason,
            person=people,
            effective_on=self.effective_on,
        )


def decided(manual: ManualEntry, decision: ManualDecision) -> ManualEntry:
    """Raises `NotDecidable` for a second decision, and for one by whoever proposed it."""
    if manual.decision is not None:
        said = "approved" if manual.decision.approved else "rejected"
        raise NotDecidable(f"Manual entry {manual.id} was {said} by {manual.decision.person} already.")
    if is_same_person(decision.person, manual.person):
        raise NotDecidable(
            f"Manual entry {manual.id} was proposed by {manual.person}; another person decides it."
        )
    return replace(manual, decision=decision)


def postings_text(postings: Sequence[Posting]) -> str:
    """As they are stored: canonical JSON, money in minor units."""
    return canonical_json(
        [
            {
                "account": each.account.value,
                "currency": each.amount.currency.code,
                "minor": JsonNumber(str(each.amount.minor)),
            }
            for each in postings
        ]
    )


def parse_postings(text: str) -> tuple[Posting, ...]:
    return tuple(
        Posting(Account(each["account"]), Money(int(each["minor"]), currency(each["currency"])))
        for each in json.loads(text)
    )
