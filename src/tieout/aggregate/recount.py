"""The same usage counted a second time, by other code, for reconciliation to hold against the snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.aggregate.breakdown import UsageGroup
from tieout.aggregate.time_weighted import Opening
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import MeterKey, SubscriptionId
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Recount:
    """What a second computation found for one usage request; its snapshot must say the same.

    `refusal`: the code of the refusal that the usage must meet; then there are no groups.
    """

    meter: MeterKey
    meter_version: int
    subscription: SubscriptionId
    period: Period
    quantity: Quantity
    event_count: int
    fingerprint: Fingerprint
    groups: tuple[UsageGroup, ...] = ()
    opening: tuple[Opening, ...] = ()
    refusal: str | None = None
