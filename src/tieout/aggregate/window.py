"""What one snapshot is asked over: a meter, a subscription, a half-open period and the subjects billed to it.

A subject may belong to the customer for part of the period only, so the spans are clipped to it first:
an event belongs to the window when it lies in one of the spans, and in no other case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tieout.aggregate.breakdown import NO_BREAKDOWN, Breakdown
from tieout.contract.meter import Meter
from tieout.contract.subject import SubjectSpan
from tieout.kernel.ids import CustomerId, Subject, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class ClippedSpan:
    """One subject's events in the half-open `[start, end)`, UTC microseconds."""

    subject: Subject
    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        assert self.start < self.end, "an empty span would count nothing and hide that it does"

    def contains(self, time: Instant) -> bool:
        return self.start <= time < self.end


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """Measure `meter` for `subscription` over `period`; only events inside `spans` count.

    The spans lie in the period and no two of one subject overlap, so no event can count twice. `breakdown`
    says how finely prices need to know them.
    """

    meter: Meter
    subscription: SubscriptionId
    customer: CustomerId
    period: Period
    spans: tuple[ClippedSpan, ...]
    breakdown: Breakdown = NO_BREAKDOWN

    def __post_init__(self) -> None:
        for span in self.spans:
            assert self.period.start <= span.start and span.end <= self.period.end, "span leaves the period"
        ordered = sorted(self.spans, key=lambda span: (span.subject, span.start))
        for left, right in pairwise(ordered):
            assert left.subject != right.subject or left.end <= right.start, "spans of one subject overlap"

    @property
    def name(self) -> str:
        """How an error names the window."""
        meter = f"meter {self.meter.key} version {self.meter.version}"
        return f"{meter}, subscription {self.subscription}, {self.period}"


def clip(spans: Iterable[SubjectSpan], customer: CustomerId, period: Period) -> tuple[ClippedSpan, ...]:
    """The parts of `spans` that bill to `customer` inside `period`, ordered by subject and start."""
    clipped = []
    for span in spans:
        start = max(span.start, period.start)
        end = period.end if span.end is None else min(span.end, period.end)
        if span.customer == customer and start < end:
            clipped.append(ClippedSpan(span.subject, start, end))
    return tuple(sorted(clipped, key=lambda span: (span.subject, span.start)))
