"""Whose usage a subject is, and when. At any instant a subject belongs to one customer at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.kernel.ids import CustomerId, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class SubjectSpan:
    """One subject belongs to one customer over half-open `[start, end)`, `end` None while it lasts."""

    subject: Subject
    customer: CustomerId
    start: Instant
    end: Instant | None

    def clip(self, period: Period) -> SubjectSpan | None:
        """The part inside `period`, None where there is none; the result always has an end."""
        start = max(self.start, period.start)
        end = period.end if self.end is None else min(self.end, period.end)
        return SubjectSpan(self.subject, self.customer, start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class SubjectMapping:
    """One [[subject]] document: the same span for each of its subjects. Its latest version replaces the
    earlier ones."""

    key: str
    version: int
    effective_from: Instant
    customer: CustomerId
    subjects: tuple[Subject, ...]
    end: Instant | None
    digest: str

    @property
    def spans(self) -> tuple[SubjectSpan, ...]:
        """One span per subject; none where it ends as it begins, which is how a mapping is taken back."""
        start, end = self.effective_from, self.end
        return (
            ()
            if start == end
            else tuple(SubjectSpan(name, self.customer, start, end) for name in self.subjects)
        )


class SubjectBook:
    """All spans of a catalog by subject and start, and those of a customer."""

    __slots__ = ("_by_customer", "spans")

    def __init__(self, spans: Iterable[SubjectSpan]) -> None:
        self.spans = tuple(sorted(spans, key=lambda span: (span.subject, span.start)))
        self._by_customer: dict[CustomerId, list[SubjectSpan]] = {}
        for span in self.spans:
            self._by_customer.setdefault(span.customer, []).append(span)

    def of_customer(self, customer: str, period: Period | None = None) -> tuple[SubjectSpan, ...]:
        """The customer's spans by subject and start, clipped to `period` where one is given."""
        spans = self._by_customer.get(CustomerId(customer), [])
        if period is None:
            return tuple(spans)
        return tuple(clipped for span in spans if (clipped := span.clip(period)) is not None)
