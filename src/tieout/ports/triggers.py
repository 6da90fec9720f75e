"""Crossings, holds, reviews and requests, as the books keep them; each with what it follows from, or not at
all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import Exact
from tieout.notice.notice import Notice
from tieout.trigger.charge.control import Effect
from tieout.trigger.crossing import Change, RuleId, Scope, ThresholdState
from tieout.trigger.invoice.request import CloseAsked

States = Mapping[tuple[RuleId, Scope, Exact], ThresholdState]


class LookedElsewhere(ConflictError):
    """Another process has looked further; what this one found is recorded already, or was never so."""

    code = "looked-elsewhere"

    def __init__(self, seen: Watermark) -> None:
        super().__init__(f"Another process has looked at the rules up to batch {seen}; nothing was recorded.")


class NotOpen(ConflictError):
    """A hold that is released, or a review that is decided, is so once."""

    code = "not-open"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the log found. `since` is how far the look before it had got; with the changes go
    their effects and what is to be told."""

    since: Watermark
    until: Watermark
    changes: Sequence[Change]
    effects: Sequence[tuple[Effect, str]]
    notices: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Hold:
    """Who is held, from what (`features` empty: from all), why, since and until when, and by whom: a rule
    (`change` is its crossing) or a person. `released`: by whom (None: a rule or the end of its time), why,
    when."""

    id: str
    customer: CustomerId
    features: tuple[str, ...]
    reason: str
    placed_by: str
    placed_at: Instant
    until: Instant | None
    change: str | None
    released: tuple[str | None, str, Instant] | None

    def stands_at(self, instant: Instant) -> bool:
        """Neither released nor run out."""
        return self.released is None and (self.until is None or instant < self.until)

    def says_the_same(self, other: Hold) -> bool:
        """Of the same customer, from the same, until then, by the same person, who says the same."""
        mine, theirs = (
            (each.customer, sorted(each.features), each.until, each.reason, each.change)
            for each in (self, other)
        )
        return mine == theirs and is_same_person(self.placed_by, other.placed_by)


@dataclass(frozen=True, slots=True)
class Review:
    """A question to a person. `decided`: what, by whom, why, when."""

    id: str
    customer: CustomerId
    reason: str
    change: str
    asked_at: Instant
    decided: tuple[str, str, str, Instant] | None


@dataclass(frozen=True, slots=True)
class InterimRequest:
    """The invoice rules are asked to look. `answer`: outcome, reason, invoice, when. `seen`: the position of
    the log at which the control was crossed."""

    asked: CloseAsked
    reason: str
    asked_at: Instant
    answer: tuple[str, str, str | None, Instant] | None
    seen: Watermark


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change as it was recorded."""

    change: Change
    recorded_at: Instant


class TriggerStore(Protocol):
    """Every method is one transaction."""

    def looked(self) -> Watermark | None:
        """How far the rules were looked at; None before the first look."""
        ...

    def states(self, customers: Collection[CustomerId]) -> States:
        """Of every threshold that ever changed for one of them."""
        ...

    def record(self, look: Look, *, at: Instant) -> None:
        """Changes, effects and notices together, and how far was looked. Raises `LookedElsewhere` unless the
        last look ended where this one begins, and where one of the changes is recorded already."""
        ...

    def changes_of(
        self, customer: CustomerId | None, *, after: int = 0, limit: int = 1_000
    ) -> tuple[RecordedChange, ...]:
        """In the order in which they were recorded."""
        ...

    def holds(self, customers: Collection[CustomerId] | None = None) -> tuple[Hold, ...]:
        """Released ones too; None: of everybody."""
        ...

    def place(self, held: Hold) -> Hold:
        """By a person: the hold; or one that stands and says the same, then nothing is placed."""
        ...

    def release(self, hold_id: str, *, person: str, reason: str, at: Instant) -> None:
        """Raises `NotOpen`."""
        ...

    def reviews(self) -> tuple[Review, ...]:
        """Decided ones too."""
        ...

    def decide(
        self, review_id: str, *, decision: str, person: str, reason: str, at: Instant, held: Hold | None
    ) -> None:
        """With the hold that was decided, if one was. Raises `NotOpen`."""
        ...

    def interim_requests(self, *, open_only: bool) -> tuple[InterimRequest, ...]:
        """In order."""
        ...

    def answer(self, request_id: str, *, outcome: str, reason: str, invoice: str | None, at: Instant) -> None:
        """Raises `NotOpen` where it was answered."""
        ...


def until_of(period: Period | None) -> Instant | None:
    """When a hold for that period runs out."""
    return None if period is None else period.end
