"""May this customer use this feature now, and how much of it is left: from the catalog, the holds that stand,
and live usage, which is the close's own.

Few look-ups for an answer: what a customer's plans say is remembered as long as nothing is applied or signed;
holds are read for every answer, so that one counts from when it is placed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.close.calendar import PeriodDefault
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.entitled_plan import EntitledPlan, FreeUnits, PlannedFeature, entitled_plan
from tieout.flows.entitled_usage import Used, measures, used_of
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.rarely_collected import remember
from tieout.flows.standing_requests import Wanted, open_usage
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.ports.live import LiveMark
from tieout.ports.triggers import Hold
from tieout.rate.conversion import converted
from tieout.trigger.entitlement import AllowanceLeft, Entitlement, Grant, Held, Metering, entitlement

PLANS_REMEMBERED_MAX: Final = 200_000
LOOK_NANOSECONDS: Final = 100_000_000
"""So often it is looked whether anything was applied or signed."""


@dataclass(frozen=True, slots=True)
class Entitlements:
    """One customer's at one instant. Usage stands at `watermark`, whose batch was received `as_of` (None: the
    log is empty). `holds` are all that stand; `subscriptions` those that run."""

    customer: CustomerId
    at: Instant
    watermark: Watermark
    as_of: Instant | None
    subscriptions: tuple[SubscriptionId, ...]
    holds: tuple[Hold, ...]
    features: tuple[Entitlement, ...]


class EntitlementReader:
    """Answers for one home, for as long as a process likes. Not for two threads at once."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._looked_at: int | None = None
        self._revision: tuple[int, int] | None = None
        self._catalog: Catalog | None = None
        self._defaults: tuple[PeriodDefault, ...] = ()
        self._plans: dict[CustomerId, EntitledPlan] = {}

    def entitlements(self, customer: CustomerId, feature: str | None = None) -> Entitlements:
        """Of one feature, else of all in the plans that the customer is on, by key. Raises `NoSuchCustomer`
        or `NothingInForce`."""
        (found,) = self.several([(customer, feature)])
        assert found is not None, "what is not kept up was counted"
        if isinstance(found, TieoutError):
            raise found
        return found

    def several(
        self, asked: Sequence[tuple[CustomerId, str | None]], *, kept_only: bool = False
    ) -> list[Entitlements | TieoutError | None]:
        """An answer, or a refusal, for each; holds and usage are read once for all. With `kept_only` nothing
        is counted over the log: None where usage that is asked for is not kept up."""
        now = self._home.clock.now()
        plans = [self._planned(customer, now) for customer, _ in asked]
        holds = self._holds({customer for customer, _ in asked}, now)
        wanted = {
            one.digest: one
            for (_, feature), plan in zip(asked, plans, strict=True)
            if isinstance(plan, EntitledPlan)
            for planned in _asked(plan, feature)
            for one in measures(planned)
        }
        mark, used = used_of(self._home, list(wanted.values()), kept_only=kept_only)
        found: list[Entitlements | TieoutError | None] = []
        for (_, feature), plan in zip(asked, plans, strict=True):
            if isinstance(plan, TieoutError):
                found.append(plan)
            elif all(one.digest in used for each in _asked(plan, feature) for one in measures(each)):
                found.append(_answer(plan, feature, holds.get(plan.customer, ()), mark, used, now))
            else:
                found.append(None)
        return found

    def _planned(self, customer: CustomerId, now: Instant) -> EntitledPlan | TieoutError:
        try:
            return self._plan(customer, now)
        except TieoutError as error:
            return error

    def _holds(self, customers: Collection[CustomerId], now: Instant) -> dict[CustomerId, list[Hold]]:
        """Those that stand."""
        found: dict[CustomerId, list[Hold]] = {}
        for each in self._home.books.triggers.holds(customers):
            if each.stands_at(now):
                found.setdefault(each.customer, []).append(each)
        return found

    def _plan(self, customer: CustomerId, now: Instant) -> EntitledPlan:
        catalog = self._look()
        found = self._plans.get(customer)
        if found is None or not found.since <= now < found.until:
            if len(self._plans) >= PLANS_REMEMBERED_MAX:
                self._plans.clear()
            usage = open_usage(catalog, self._defaults, customer, now)
            found = remember(self._plans, customer, entitled_plan(catalog, usage, now))
        return found

    def _look(self) -> Catalog:
        """The catalog, as it was at most LOOK_NANOSECONDS ago."""
        at = time.monotonic_ns()
        if self._catalog is None or self._looked_at is None or at - self._looked_at >= LOOK_NANOSECONDS:
            catalog, books = load_catalog(self._home), self._home.books
            revision = (books.documents.revision(), books.signatures.count())
            if revision != self._revision or catalog is not self._catalog:
                self._plans.clear()
                self._defaults = period_defaults(policies(self._home))
                self._revision, self._catalog = revision, catalog
            self._looked_at = at
        assert self._catalog is not None, "it was loaded"
        return self._catalog


def _asked(plan: EntitledPlan, feature: str | None) -> Sequence[PlannedFeature]:
    if feature is None:
        return plan.features
    return [each for each in plan.features if each.feature.key == feature]


def _answer(
    plan: EntitledPlan,
    feature: str | None,
    holds: Sequence[Hold],
    mark: LiveMark,
    used: Used,
    now: Instant,
) -> Entitlements:
    held = [Held(each.id, each.features, each.until) for each in holds]
    granted: dict[str, list[Grant]] = {} if feature is None else {feature: []}
    for each in _asked(plan, feature):
        granted.setdefault(each.feature.key, []).append(_grant(each, used, now))
    return Entitlements(
        plan.customer,
        now,
        mark.watermark,
        mark.received_at,
        plan.running,
        tuple(holds),
        tuple(
            entitlement(name, granted[name], held, subscribed=bool(plan.running)) for name in sorted(granted)
        ),
    )


def _grant(planned: PlannedFeature, used: Used, now: Instant) -> Grant:
    feature = planned.feature
    if not planned.wanted:
        return Grant(planned.subscription, feature.enabled, None, feature.limit, feature.kind)
    latest = planned.wanted[-1].request
    metering = Metering(
        latest.meter.key,
        latest.meter.unit,
        planned.period,
        planned.wanted[0].request.period.start,
        _together(planned.wanted, used, now),
        tuple(_left(each, used) for each in planned.free),
    )
    return Grant(planned.subscription, feature.enabled, metering, feature.limit, feature.kind)


def _together(wanted: tuple[Wanted, ...], used: Used, now: Instant) -> Quantity | None:
    """Where a meter's version changes inside the period: counts and sums go on, other figures begin anew."""
    if all(each.request.meter.aggregation.additive for each in wanted):
        total = QUANTITY_ZERO
        for each in wanted:
            quantity = used[each.digest]
            if quantity is None:
                return None
            total += quantity
        return total
    running = [each for each in wanted if each.request.period.contains(now)] or list(wanted[-1:])
    return used[running[0].digest]


def _left(free: FreeUnits, used: Used) -> AllowanceLeft:
    quantity, conversion = used[free.wanted.digest], free.wanted.request.meter.conversion
    unit = free.wanted.request.meter.unit if conversion is None else conversion.unit
    billed = None if quantity is None else converted(quantity, conversion)
    return AllowanceLeft(free.price, free.part, free.included, billed, unit)
