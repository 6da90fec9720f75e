"""What the plans that a customer is on now let it use, and by which requests that is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tieout.close.segments import NothingInForce, Segment
from tieout.contract.catalog import Catalog
from tieout.contract.feature import Feature
from tieout.contract.plan import Plan
from tieout.contract.subscription import Phase, Subscription
from tieout.flows.standing_requests import OpenUsage, Wanted
from tieout.kernel.ids import CustomerId, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.rate.share import Share


@dataclass(frozen=True, slots=True)
class FreeUnits:
    """What a price includes in the part that runs now, measured by `wanted`."""

    price: PriceKey
    part: Period
    included: Quantity
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class PlannedFeature:
    """A feature of the plan that a subscription is on. `wanted`: by which its meter is measured in `period`,
    part after part; empty for a flag."""

    subscription: SubscriptionId
    feature: Feature
    period: Period
    wanted: tuple[Wanted, ...] = ()
    free: tuple[FreeUnits, ...] = ()


@dataclass(frozen=True, slots=True)
class EntitledPlan:
    """It holds in `[since, until)`, as long as nobody applies or signs anything. `running`: the subscriptions
    with a phase now, whatever its plan has."""

    customer: CustomerId
    running: tuple[SubscriptionId, ...]
    features: tuple[PlannedFeature, ...]
    since: Instant
    until: Instant


def entitled_plan(catalog: Catalog, usage: OpenUsage, now: Instant) -> EntitledPlan:
    """`usage` is the customer's, open at `now`. Raises `NothingInForce`."""
    running: list[SubscriptionId] = []
    found: list[PlannedFeature] = []
    changes: set[Instant] = {usage.until}
    for subscription, period in zip(catalog.subscriptions_of(usage.customer), usage.billed, strict=True):
        changes |= {bound for phase in subscription.phases for bound in (phase.start, phase.end) if bound}
        for phase in subscription.phases:
            if not (phase.start <= now and (phase.end is None or now < phase.end)):
                continue
            running.append(subscription.key)
            changes |= {plan.effective_from for plan in catalog.plans_of(phase)}
            plan = _plan_at(catalog, subscription, phase, now)
            found += [_planned(usage, subscription, period, each, now) for each in plan.features]
    for segment in usage.segments:
        changes |= {segment.part.start, segment.part.end}
    for each in usage.features:
        changes |= {each.request.period.start, each.request.period.end}
    until = min(change for change in changes if change > now)
    return EntitledPlan(usage.customer, tuple(running), tuple(found), now, until)


def _plan_at(catalog: Catalog, subscription: Subscription, phase: Phase, now: Instant) -> Plan:
    """The version that the close would bill by."""
    if phase.plan_version is not None:
        plan = catalog.plans.version(phase.plan, phase.plan_version)
    else:
        kept = phase.grandfathered
        plan = catalog.plans.at(phase.plan, now if kept is None else kept.prices_as_of)
    if plan is None:
        raise NothingInForce("plan", phase.plan, subscription.key, now)
    return plan


def _planned(
    usage: OpenUsage, subscription: Subscription, period: Period, feature: Feature, now: Instant
) -> PlannedFeature:
    if feature.meter is None:
        return PlannedFeature(subscription.key, feature, period)
    wanted = tuple(
        each
        for each in usage.features
        if (each.request.subscription, each.request.meter.key) == (subscription.key, feature.meter)
    )
    if not wanted:
        raise NothingInForce("meter", feature.meter, subscription.key, now)
    return PlannedFeature(
        subscription.key,
        feature,
        period,
        wanted,
        tuple(
            free
            for segment in usage.segments
            if segment.subscription == subscription.key
            and segment.meter is not None
            and segment.meter.key == feature.meter
            and segment.part.contains(now)
            for free in _free(usage, segment)
        ),
    )


def _free(usage: OpenUsage, segment: Segment) -> Iterator[FreeUnits]:
    allowance = segment.price.modifiers.allowance
    if allowance is None:
        return
    units = allowance.units
    if segment.price.modifiers.prorate:
        units = Share(segment.period, segment.part).of_units(units)
    assert segment.meter is not None, "only a metered price has an allowance"
    asked = (segment.subscription, segment.meter.key, segment.meter.version, segment.part)
    for each in usage.wanted:
        request = each.request
        if asked == (request.subscription, request.meter.key, request.meter.version, request.period):
            yield FreeUnits(segment.price.key, segment.part, units, each)
