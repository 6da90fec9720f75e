"""A discount on whole invoices that customers or subscriptions are given, and for how long.

Attached to a customer it is for all the lines of its invoices, attached to a subscription for the lines of
that one; `scope` narrows it further. The version in force when it was attached is what was promised: later
versions do not change it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.ids import CouponKey, PlanKey, PriceKey, ProgramKey
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class CouponScope:
    """Lines of any of these prices, plans or programs; all three empty: every line."""

    prices: tuple[PriceKey, ...] = ()
    plans: tuple[PlanKey, ...] = ()
    programs: tuple[ProgramKey, ...] = ()

    def covers(self, *, price: PriceKey, plan: PlanKey, program: ProgramKey | None) -> bool:
        """Whether a line of that price, plan and program is one of them."""
        if not (self.prices or self.plans or self.programs):
            return True
        return price in self.prices or plan in self.plans or program in self.programs


@dataclass(frozen=True, slots=True)
class Coupon:
    """`percent` (above 0, at most 100), or `amount` of `currency` off each invoice; exactly one of the two.

    It holds for `periods` billing periods, the one in which it is attached being the first, or for those that
    end at or before `until`; with neither, for ever. `uses_per_customer_max`: how often it may be attached to
    one customer and its subscriptions together.
    """

    key: CouponKey
    version: int
    effective_from: Instant
    name: str
    percent: Exact | None
    amount: Exact | None
    currency: str | None
    periods: int | None
    until: Instant | None
    scope: CouponScope
    uses_per_customer_max: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class CouponUse:
    """A coupon as it is attached: from `start` on, and where `end` is given no longer than that."""

    coupon: CouponKey
    start: Instant
    end: Instant | None
