"""Where every event of a meter's type went: each is in one bucket, so nothing is silently unbilled (L6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.aggregate.window import ClippedSpan
from tieout.contract.meter import Meter
from tieout.kernel.ids import Subject
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class BucketRequest:
    """`owned` are the spans that have a customer, `priced` those that a usage request covers, and
    `priced_by_amount` those of requests that add up `amount_field` too: to them an event without it has no
    value.
    """

    meter: Meter
    period: Period
    owned: Sequence[ClippedSpan]
    priced: Sequence[ClippedSpan]
    priced_by_amount: Sequence[ClippedSpan] = ()
    amount_field: str | None = None


@dataclass(frozen=True, slots=True)
class BucketCounts:
    """Accepted events of the meter's type in a period, each counted once.

    retracted: taken back as of the watermark, whatever the meter would have made of them; of the others,
    not_matched: the filter leaves them out; excluded: by reason, in the meter's order, `no value` last, only
    reasons that met an event; unmatched: they would
    count, but their subject has no customer then; unpriced: it has one, who pays no price on this meter then;
    counted: the rest, in somebody's snapshot.
    """

    meter: Meter
    period: Period
    counted: int
    excluded: tuple[tuple[str, int], ...]
    not_matched: int
    unmatched: int
    unpriced: int
    retracted: int = 0

    @property
    def excluded_count(self) -> int:
        return sum(count for _, count in self.excluded)

    @property
    def total(self) -> int:
        found = self.counted + self.excluded_count + self.not_matched
        return found + self.unmatched + self.unpriced + self.retracted


@dataclass(frozen=True, slots=True)
class UnbilledUsage:
    """Unpriced events inside one owned span (its subject and start), or all unmatched ones (None); `subject`
    is the first of their subjects."""

    owner: tuple[Subject, Instant] | None
    count: int
    subject: str
