"""May this customer use this feature now, and how much of it is left: from the catalog, the holds that stand,
and live usage, which is the close's own.

Few look-ups for an answer: what a customer's plans say is remembered as long as nothing is applied or signed;
holds are read for every answer, so that one counts from when it is placed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tieout.aggregate.accumulation import snapshot_of
from tieout.aggregate.breakdown import NO_BREAKDOWN
from tieout.aggregate.window import UsageRequest
from tieout.close.calendar import PeriodDefault
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.entitled_plan import EntitledPlan, FreeUnits, PlannedFeature, entitled_plan
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.read_log import read_log
from tieout.flows.standing_requests import Wanted, open_usage
from tieout.kernel.ids import CustomerId, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity, Unmeasurable
from tieout.ports.live import LiveAnswer, LiveMark, RequestDigest
from tieout.ports.triggers import Hold
from tieout.rate.conversion import converted
from tieout.trigger.entitlement import AllowanceLeft, Entitlement, Grant, Held, Metering, entitlement

PLANS_REMEMBERED_MAX: Final = 200_000
LOOK_NANOSECONDS: Final = 100_000_000
"""So often it is looked whether anything was applied or signed."""

Used = Mapping[RequestDigest, Quantity | None]
"""By what is asked for; None: it cannot be measured."""


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
        now = self._home.clock.now()
        plan = self._plan(customer, now)
        holds = tuple(each for each in self._home.books.triggers.holds([customer]) if each.stands_at(now))
        held = [Held(each.id, each.features, each.until) for each in holds]
        asked = [each for each in plan.features if feature in (None, each.feature.key)]
        mark, used = self._used(asked)
        names = sorted({each.feature.key for each in asked}) if feature is None else [feature]
        found = tuple(
            entitlement(
                name,
                [_grant(each, used, now) for each in asked if each.feature.key == name],
                held,
                subscribed=bool(plan.running),
            )
            for name in names
        )
        return Entitlements(customer, now, mark.watermark, mark.received_at, plan.running, holds, found)

    def _plan(self, customer: CustomerId, now: Instant) -> EntitledPlan:
        catalog = self._look()
        found = self._plans.get(customer)
        if found is None or not found.since <= now < found.until:
            if len(self._plans) >= PLANS_REMEMBERED_MAX:
                self._plans.clear()
            usage = open_usage(catalog, self._defaults, customer, now)
            found = self._plans[customer] = entitled_plan(catalog, self._defaults, usage, now)
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

    def _used(self, asked: Iterable[PlannedFeature]) -> tuple[LiveMark, Used]:
        """From what is kept up; what is not is counted over the log, at the same watermark."""
        wanted = list({each.digest: each for planned in asked for each in _measures(planned)}.values())
        digests = dict.fromkeys(name for each in wanted for name in (each.fine_digest, each.digest))
        answer = self._home.live.read(list(digests), groups=False)
        mark = self._head() if answer is None else answer.mark
        used: dict[RequestDigest, Quantity | None] = {}
        for each in wanted:
            request, digest = _kept(each, answer)
            if answer is not None and digest is not None:
                used[each.digest] = _total(request, digest, answer)
        missing = [each for each in wanted if each.digest not in used]
        if missing:
            requests = [replace(each.request, breakdown=NO_BREAKDOWN) for each in missing]
            counted = read_log(
                self._home,
                lambda manifest: list(self._home.engine.measure_each(requests, manifest)),
                watermark=mark.watermark,
            )
            for each, one in zip(missing, counted, strict=True):
                used[each.digest] = None if isinstance(one, Unmeasurable) else one.quantity
        return mark, used

    def _head(self) -> LiveMark:
        head = self._home.log.head()
        return LiveMark(head, self._home.log.received_at(head))


def _measures(planned: PlannedFeature) -> tuple[Wanted, ...]:
    return (*planned.wanted, *(free.wanted for free in planned.free))


def _kept(wanted: Wanted, answer: LiveAnswer | None) -> tuple[UsageRequest, str | None]:
    """Under which digest it is kept, if it is."""
    kept = {} if answer is None else answer.kept
    for request, digest in ((wanted.fine, wanted.fine_digest), (wanted.request, wanted.digest)):
        if digest in kept:
            return request, digest
    return wanted.request, None


def _total(request: UsageRequest, digest: str, answer: LiveAnswer) -> Quantity | None:
    if request.meter.aggregation is Aggregation.UNIQUE:  # a reader does not read its texts
        return Quantity.of(answer.distinct[digest])
    try:
        return snapshot_of(request, answer.kept[digest], answer.mark.watermark).quantity
    except Unmeasurable:
        return None


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
