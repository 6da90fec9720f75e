"""Which plan a customer is on, when, and on what terms. A later version restates all phases and may not
rewrite those before it, so the latest version is right for every period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tieout.contract.coupon import CouponUse
from tieout.kernel.ids import CustomerId, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact

Waiver = Literal["trial", "paused"]


@dataclass(frozen=True, slots=True)
class Grandfathered:
    """The plan and its prices stay as they stood at `prices_as_of` until the phase ends; the next phase is on
    the plan `successor`."""

    prices_as_of: Instant
    successor: PlanKey


@dataclass(frozen=True, slots=True)
class Phase:
    """Half-open `[start, end)`, `end` None while it lasts. `plan_version` None: the version in force at each
    instant.

    `quantities` says how often a flat price of the plan is due (once where it says nothing), `prices` which
    negotiated price stands in place of a price of the plan; both sorted by the plan's key. Under a `waived`
    phase everything is measured, rated and shown, and nothing is charged.
    """

    plan: PlanKey
    plan_version: int | None
    start: Instant
    end: Instant | None
    quantities: tuple[tuple[PriceKey, Quantity], ...] = ()
    prices: tuple[tuple[PriceKey, PriceKey], ...] = ()
    waived: Waiver | None = None
    grandfathered: Grandfathered | None = None

    def quantity(self, price: PriceKey) -> Quantity | None:
        """How often that flat price is due; None where the phase does not say."""
        return dict(self.quantities).get(price)

    def price(self, listed: PriceKey) -> PriceKey:
        """The price that is asked for in place of the plan's: itself, unless another was negotiated."""
        return dict(self.prices).get(listed, listed)


@dataclass(frozen=True, slots=True)
class Commitment:
    """What metered usage of `[start, end)` must cost at least (minimum) or may cost at most (maximum).

    `billing` says when a minimum is due: EACH_PERIOD asks `amount` of every billing period (of a part of one,
    its share by time) and bills what usage did not reach; END_OF_TERM and UPFRONT hold it for the whole term,
    and bill the rest at its end, or all of it with the first invoice. `rollover`: what was billed for a
    period and not used pays in the next one, up to `rollover_cap`. Usage beyond a minimum costs
    `overage_rate` times its price. A maximum is for the whole term. Amounts are in whole units of the
    customer's currency.
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
