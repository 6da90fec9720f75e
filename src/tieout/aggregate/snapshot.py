"""The frozen answer to a usage request as of a watermark, and the definition every engine must equal."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.aggregate.breakdown import NO_BREAKDOWN, Breakdown, UsageGroup
from tieout.aggregate.time_weighted import Opening
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import CustomerId, MeterKey, SubscriptionId, Watermark
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Usage of one meter version for one subscription and period, as the log said at `watermark`.

    `event_count` and `fingerprint` cover the events that counted; `excluded_count` those that the meter
    excludes by a named reason, and `retracted_count` those that would count but for their
    retraction. An empty window has quantity 0, which `event_count` 0 tells from a zero sum. `groups`, in
    their order, are what `breakdown` asks for, and none where it asks for nothing. `opening`: the levels that
    a time-weighted meter starts from; the events that stated them lie before the window and are not counted.
    """

    meter: MeterKey
    meter_version: int
    meter_digest: str
    unit: str
    subscription: SubscriptionId
    customer: CustomerId
    period: Period
    watermark: Watermark
    quantity: Quantity
    event_count: int
    fingerprint: Fingerprint
    excluded_count: int
    retracted_count: int = 0
    breakdown: Breakdown = NO_BREAKDOWN
    groups: tuple[UsageGroup, ...] = ()
    opening: tuple[Opening, ...] = ()

    def __post_init__(self) -> None:
        assert min(self.event_count, self.excluded_count, self.retracted_count) >= 0
        assert self.fingerprint.count == self.event_count, "fingerprint and count speak of different events"
        if self.groups:
            assert sum(group.event_count for group in self.groups) == self.event_count, "groups lost an event"
