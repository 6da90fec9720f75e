"""Which plan a customer is on, and when. A later version restates all phases and may not rewrite those
before it, so the latest version is right for every period."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.coupon import CouponUse
from tieout.kernel.ids import CustomerId, PlanKey, SubscriptionId
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Phase:
    """Half-open `[start, end)`, `end` None while it lasts. `plan_version` None: the version in force at each
    instant."""

    plan: PlanKey
    plan_version: int | None
    start: Instant
    end: Instant | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """`phases` are ordered and disjoint; a gap between two is time without a plan."""

    key: SubscriptionId
    version: int
    effective_from: Instant
    customer: CustomerId
    phases: tuple[Phase, ...]
    digest: str
    coupons: tuple[CouponUse, ...] = ()
