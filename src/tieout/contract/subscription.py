"""Which plan a customer is on, and when. A later version restates all phases and may not rewrite those
before it, so the latest version is right for every period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tieout.contract.coupon import CouponUse
from tieout.kernel.ids import CustomerId, PlanKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class Phase:
    """Half-open `[start, end)`, `end` None while it lasts. `plan_version` None: the version in force at each
    instant."""

    plan: PlanKey
    plan_version: int | None
    start: Instant
    end: Instant | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """What metered usage of `[start, end)` must cost at least (minimum) or may cost at most (maximum).

    `billing` says when a minimum is due: EACH_PERIOD holds `amount` for every billing period (part of one: by
    time) and bills what usage did not reach; END_OF_TERM and UPFRONT hold it for the whole term, and bill the
    rest at its end, or all of it with the first invoice. `rollover`: what was billed for a period and not
    used pays in the next one, up to `rollover_cap`. Usage beyond a minimum costs `overage_rate` times its
    price. A maximum is for the whole term. Amounts are in whole units of the customer's currency.
    """

    key: str
    kind: Literal["minimum", "maximum"]
    amount: Exact
    start: Instant
    end: Instant
    billing: Literal["each_period", "end_of_term", "upfront"]
    rollover: bool
    rollover_cap: Exact | None
    overage_rate: Exact


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
    commitments: tuple[Commitment, ...] = ()

    @property
    def end(self) -> Instant | None:
        """When its last phase ends; None while it lasts."""
        return self.phases[-1].end
