"""What a meter counted of a customer's running period as of a batch, as rules read it.

What is counted is what the close counts, each unit once: all the time that any price of the customer is for
the meter, by each version of the meter in its time. Counts, sums and weights of time add up over versions; of
the others the running version tells. A meter that no price of the customer is for is counted over the whole
period by its version in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import ClippedSpan, UsageRequest, clip
from tieout.close.calendar import PeriodDefault, calendar_of, is_active
from tieout.close.segments import Segment, segments
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.subscription import Subscription
from tieout.contract.watching import Figure, PercentOf
from tieout.flows.standing_requests import Wanted, wanted
from tieout.flows.trigger_rules import Rule
from tieout.kernel.ids import CustomerId, MeterKey, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity, Unmeasurable
from tieout.kernel.rational import Exact
from tieout.ports.live import RequestDigest
from tieout.rate.conversion import converted
from tieout.rate.share import Share
from tieout.trigger.crossing import Reading, Scope

ADD_UP = frozenset({Aggregation.COUNT, Aggregation.SUM, Aggregation.TIME_WEIGHTED})
Read = tuple[Rule, Scope, Reading]
Unread = tuple[Rule, CustomerId, str]


@dataclass(frozen=True, slots=True)
class RunningPeriod:
    """A customer's subscriptions with one period that holds an instant, and its segments."""

    customer: CustomerId
    period: Period
    subscriptions: tuple[Subscription, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule asks of usage for a customer's running period. `at`: of one that is over its last instant,
    when plans are read."""

    rule: Rule
    running: RunningPeriod
    wanted: tuple[Wanted, ...]
    at: Instant | None = None


Answers = Mapping[RequestDigest, Snapshot | Unmeasurable]
"""By the digest of what was asked for."""


def running_periods(
    catalog: Catalog, defaults: Sequence[PeriodDefault], customer: CustomerId, at: Instant
) -> list[RunningPeriod]:
    """By period. Raises `NothingInForce`."""
    found: dict[Period, list[Subscription]] = {}
    parts: dict[Period, list[Segment]] = {}
    for subscription in catalog.subscriptions_of(customer):
        if not subscription.phases or subscription.phases[0].start > at:
            continue
        holding = calendar_of(catalog, subscription, defaults).at(at)
        if is_active(subscription, holding.period):
            found.setdefault(holding.period, []).append(subscription)
            parts.setdefault(holding.period, []).extend(
                segments(catalog, subscription, holding.whole, holding.period)
            )
    return [
        RunningPeriod(customer, period, tuple(found[period]), tuple(parts[period]))
        for period in sorted(found)
    ]


def asked_usage(
    catalog: Catalog, rules: Iterable[Rule], running: Sequence[RunningPeriod], at: Instant
) -> list[Asked]:
    """By rule, then by period; `rules` watch usage and are for the customer whose periods these are."""
    return [
        Asked(rule, each, tuple(map(wanted, _requests(catalog, each, rule.watch.meter, at))))
        for rule in rules
        for each in running
        if rule.watch.meter is not None
    ]


def usage_readings(
    catalog: Catalog,
    asked: Iterable[Asked],
    answers: Answers,
    *,
    watermark: Watermark,
    at: Instant,
) -> tuple[list[Read], list[Unread]]:
    """In the order of `asked`. What has nothing to be measured by is not read; what cannot be counted is
    told."""
    found: list[Read] = []
    unread: list[Unread] = []
    for each in asked:
        try:
            taken = [answers[one.digest] for one in each.wanted]
            reading = _reading(catalog, each, taken, watermark, at)
        except Unmeasurable as error:
            unread.append((each.rule, each.running.customer, str(error)))
            continue
        if reading is not None:
            found.append((each.rule, Scope(each.running.customer, each.running.period), reading))
    return found, unread


def _requests(
    catalog: Catalog, running: RunningPeriod, key: MeterKey | None, at: Instant
) -> tuple[UsageRequest, ...]:
    """Each unit once, however many prices or subscriptions are for it and wherever they split the period."""
    customer = running.customer
    spans = catalog.subjects.of_customer(customer)
    meter = None if key is None else catalog.meters.at(key, at)
    if key is None or meter is None:
        return ()
    priced = [each.part for each in running.segments if each.meter is not None and each.meter.key == key]
    if not priced:
        whole = running.period
        return (_request(meter, running, whole, clip(spans, customer, whole)),)
    starts = [each.effective_from for each in catalog.meters.versions(key)]
    parts = [part for whole in _covered(priced) for part in whole.split(starts) if part.start <= at]
    versions = [(part, catalog.meters.at(key, part.start)) for part in parts]
    found = [
        _request(version, running, part, clip(spans, customer, part))
        for part, version in versions
        if version is not None
    ]
    return tuple(found if meter.aggregation in ADD_UP else found[-1:])


def _request(
    meter: Meter, running: RunningPeriod, part: Period, spans: tuple[ClippedSpan, ...]
) -> UsageRequest:
    return UsageRequest(meter, running.subscriptions[0].key, running.customer, part, spans)


def _covered(parts: Iterable[Period]) -> list[Period]:
    """The time that lies in any of them, in order, without touching pieces."""
    found: list[Period] = []
    for part in sorted(parts):
        if found and part.start <= found[-1].end:
            found[-1] = Period(found[-1].start, max(found[-1].end, part.end))
        else:
            found.append(part)
    return found


def _reading(
    catalog: Catalog,
    asked: Asked,
    answers: Sequence[Snapshot | Unmeasurable],
    watermark: Watermark,
    at: Instant,
) -> Reading | None:
    """None where it has nothing to be measured by."""
    snapshots: list[Snapshot] = []
    for answer in answers:
        if isinstance(answer, Unmeasurable):
            raise answer
        snapshots.append(answer)
    if not snapshots:
        return None
    watch = asked.rule.watch
    assert watch.figure is Figure.USAGE, "the caller chose"
    if watch.percent_of is not PercentOf.ALLOWANCE:
        value = sum((each.quantity for each in snapshots), QUANTITY_ZERO)
        return Reading(value.as_fraction(), None, snapshots[0].unit, watermark, at)
    then = at if asked.at is None else asked.at
    whole, in_priced_unit = _allowance(catalog, asked.running, watch.meter, then)
    if not whole:
        return None
    value, unit = QUANTITY_ZERO, snapshots[0].unit
    for each in snapshots:
        value += converted(each.quantity, each.conversion) if in_priced_unit else each.quantity
        if in_priced_unit and each.conversion is not None:
            unit = each.conversion.unit
    return Reading(value.as_fraction(), whole, unit, watermark, at)


def _allowance(
    catalog: Catalog, running: RunningPeriod, meter: MeterKey | None, at: Instant
) -> tuple[Exact, bool]:
    """What prices give free of charge, in their unit; else the limits of the plans' features, in the
    meter's. One price of a part counts, since one unit is free once."""
    free: dict[tuple[str, Period], Quantity] = {}
    for segment in running.segments:
        allowance = segment.price.modifiers.allowance
        if segment.meter is None or segment.meter.key != meter or allowance is None:
            continue
        share = Share(segment.period, segment.part)
        units = share.of_units(allowance.units) if segment.price.modifiers.prorate else allowance.units
        key = segment.subscription, segment.part
        free[key] = max(free.get(key, QUANTITY_ZERO), units)
    if free:
        return sum(free.values(), QUANTITY_ZERO).as_fraction(), True
    limits = QUANTITY_ZERO
    plans = {
        phase.plan
        for subscription in running.subscriptions
        for phase in subscription.phases
        if phase.start <= at and (phase.end is None or at < phase.end)
    }
    for name in sorted(plans):
        plan = catalog.plans.at(name, at)
        for feature in () if plan is None else plan.features:
            if feature.meter == meter and feature.limit is not None and feature.enabled:
                limits += feature.limit
    return limits.as_fraction(), False
