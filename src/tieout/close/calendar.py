"""Which billing periods of a subscription are due: ended, waited out the grace, and not closed before.

Periods tile the customer's calendar (L7). A subscription that starts or ends inside a period still gets the
whole period on its invoice; its segments say which part it pays for.
"""

from __future__ import annotations

from datetime import date

from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer
from tieout.contract.subscription import Subscription
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, periods_between
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.period import Period

CALENDAR_FIRST = date(2024, 1, 1)
"""A Monday, which starts a week (ISO 8601), and the first of a year, which starts every month, quarter and
year."""


class MixedCadence(Refusal):
    """The phases of a subscription bill at different cadences; their periods would not tile."""

    code = "mixed-cadence"

    def __init__(self, subscription: SubscriptionId, cadences: frozenset[Cadence]) -> None:
        super().__init__(subscription, cadences)
        self.subscription = subscription
        self.cadences = cadences

    def __str__(self) -> str:
        named = " and ".join(sorted(cadence.value for cadence in self.cadences))
        return (
            f"Subscription {self.subscription} changes between plans that bill {named}; "
            "end it and start another subscription for the new cadence."
        )


def due_periods(
    catalog: Catalog,
    customer: Customer,
    subscription: Subscription,
    *,
    policy_cadence: Cadence,
    grace_hours: int,
    since: Instant | None,
    as_of: Instant,
) -> list[Period]:
    """Periods in which the subscription has a phase and that ended `grace_hours` before `as_of`, in order.

    `since` is the end of the last period closed for it (None: none was): what lies before it is done, and the
    first period starts there even if the zone's rules changed meanwhile. Raises `MixedCadence`.
    """
    ended_by = Instant(as_of - grace_hours * HOUR_MICROSECONDS)
    return [
        period
        for period in _periods(catalog, customer, subscription, policy_cadence, since=since, until=ended_by)
        if period.end <= ended_by
    ]


def next_due_at(
    catalog: Catalog,
    customer: Customer,
    subscription: Subscription,
    *,
    policy_cadence: Cadence,
    grace_hours: int,
    since: Instant | None,
    as_of: Instant,
) -> Instant | None:
    """When the next period will be due; None if the subscription has ended. Raises `MixedCadence`."""
    ended_by = Instant(as_of - grace_hours * HOUR_MICROSECONDS)
    ahead = (phase.start for phase in subscription.phases if phase.start > ended_by)
    horizon = Instant(min(ahead, default=ended_by) + 1)
    for period in _periods(
        catalog, customer, subscription, policy_cadence, since=since, until=horizon, holding=ended_by
    ):
        if period.end > ended_by:
            return Instant(period.end + grace_hours * HOUR_MICROSECONDS)
    return None


def cadence_of(catalog: Catalog, subscription: Subscription, policy_cadence: Cadence) -> Cadence:
    """The cadence of its plans, or the policy's where they name none. Raises `MixedCadence`."""
    plans = [plan for phase in subscription.phases for plan in catalog.plans_of(phase)]
    cadences = frozenset(plan.cadence or policy_cadence for plan in plans)
    if len(cadences) > 1:
        raise MixedCadence(subscription.key, cadences)
    return next(iter(cadences), policy_cadence)


def anchor_of(customer: Customer, cadence: Cadence) -> Anchor:
    """Where the customer's periods step from: its own anchor day, or the calendar's."""
    first = customer.anchor or CALENDAR_FIRST
    return Anchor(cadence, customer.zone, first)


def _periods(
    catalog: Catalog,
    customer: Customer,
    subscription: Subscription,
    policy_cadence: Cadence,
    *,
    since: Instant | None,
    until: Instant,
    holding: Instant | None = None,
) -> list[Period]:
    """Open and ended periods that start before `until` and overlap a phase.

    With `holding`, only the one that holds it (or the last, if that ended before) and those after it.
    """
    if not subscription.phases:
        return []
    start = subscription.phases[0].start if since is None else max(since, subscription.phases[0].start)
    ends = [phase.end for phase in subscription.phases if phase.end is not None]
    if len(ends) == len(subscription.phases):
        until = min(until, max(ends))
    if holding is not None:
        start = max(start, min(holding, Instant(until - 1)))
    if start >= until:
        return []
    anchor = anchor_of(customer, cadence_of(catalog, subscription, policy_cadence))
    whole = periods_between(anchor, start, until)
    clipped = [_not_before(period, since) for period in whole]
    return [period for period in clipped if period is not None and _active(subscription, period)]


def _not_before(period: Period, since: Instant | None) -> Period | None:
    if since is None or since <= period.start:
        return period
    return Period(since, period.end) if since < period.end else None


def _active(subscription: Subscription, period: Period) -> bool:
    return any(
        phase.start < period.end and (phase.end is None or period.start < phase.end)
        for phase in subscription.phases
    )
