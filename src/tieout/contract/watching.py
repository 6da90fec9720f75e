"""What alerts and charge controls look at: whose usage, which figure of it, and against what it is held.

The two are documents of their own, with actions of their own; they share only what they look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.ids import CustomerId, MeterKey, PlanKey
from tieout.kernel.rational import Exact


class Figure(StrEnum):
    """Of the running period: what a meter counted, what it would cost now, what it will have cost at its end
    at the rate so far; what a meter counted in a window beside the customer's own windows before; and how
    many days the contract has left."""

    USAGE = "usage"
    EXPOSURE = "exposure"
    PROJECTED = "projected"
    GROWTH = "growth"
    CONTRACT_END = "contract_end"


class PercentOf(StrEnum):
    """What thresholds are percentages of. Without one they are quantities, amounts or days."""

    ALLOWANCE = "allowance"
    COMMITMENT = "commitment"
    BUDGET = "budget"


class Rearm(StrEnum):
    """When a rule that was crossed may be crossed again: in the next period, or once the figure is below the
    threshold (or `rearm_below`)."""

    PERIOD = "period"
    BELOW = "below"


class GrowthWindow(StrEnum):
    """How long the windows are that growth compares; in UTC."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Whom:
    """Customers by key, or by a plan of their running period; `everyone`: all of them, and the others are
    empty."""

    customers: tuple[CustomerId, ...] = ()
    plans: tuple[PlanKey, ...] = ()
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Growth:
    """The running window against the mean of the `windows` before it, which must hold `least` together: from
    almost nothing everything is growth."""

    window: GrowthWindow
    windows: int
    least: Exact


@dataclass(frozen=True, slots=True)
class Watch:
    """`at` are thresholds, rising, each crossed for itself: percentages of `percent_of` or of the mean
    before (growth), else quantities of `meter`, amounts of `currency`, or days left (falling). `rearm_below`
    is in the same unit, at most the lowest threshold."""

    figure: Figure
    meter: MeterKey | None
    percent_of: PercentOf | None
    at: tuple[Exact, ...]
    currency: str | None
    growth: Growth | None
    rearm: Rearm
    rearm_below: Exact | None
