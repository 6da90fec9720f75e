"""How a billing period splits, price by price: where its version, its meter's, or that of the plan or program
that lists it changes, where what a phase agreed about it does, where one of its discounts ends, and for a
metered price at the bounds of a commitment.

Each segment is rated alone under the versions in force at its start, and shows as a line of its own. A price
is split by its own changes only: another price's new version must not restart its tiers, nor does a phase
that goes on as the one before it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from tieout.contract.catalog import Catalog
from tieout.contract.meter import Meter
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.contract.subscription import Phase, Subscription
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import CustomerId, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.rate.terms import LIST_TERMS, Kept, Terms


class NothingInForce(Refusal):
    """A plan, price or meter has no version when a subscription needs it; billing it as zero would lie."""

    code = "nothing-in-force"

    def __init__(self, kind: str, key: str, subscription: SubscriptionId, instant: Instant) -> None:
        super().__init__(kind, key, subscription, instant)
        self.kind = kind
        self.key = key
        self.subscription = subscription
        self.instant = instant

    def __str__(self) -> str:
        return (
            f"Subscription {self.subscription} needs {self.kind} {self.key} at "
            f"{format_instant(self.instant)}, where no version of it is in force; apply one that is."
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """One price version over the part of `period` for which it, its meter version and the plan version hold.

    `period` is the whole period of the calendar, `part` the segment itself; `meter` is None for a flat price.
    `program` is the version of the fee program whose price it is, if it is one's.
    `terms` are what the phase agrees about the price; their `prior` is known only once usage is.
    """

    subscription: SubscriptionId
    customer: CustomerId
    period: Period
    part: Period
    plan: Plan
    price: Price
    meter: Meter | None
    program: Program | None = None
    terms: Terms = LIST_TERMS


def segments(
    catalog: Catalog, subscription: Subscription, period: Period, rest: Period | None = None
) -> list[Segment]:
    """The segments of one billing period, by stretch of a plan, in its order of prices, then by start.

    `rest` is the part of the period that is still to bill (None: all of it); the fee for it is its share of
    the whole. Time without a phase has no segment. Raises `NothingInForce`.
    """
    found = (
        segment
        for phase, plan, stretch in _plan_stretches(catalog, subscription, rest or period)
        for keys, program, held in _fee_tables(catalog, subscription, phase, plan, stretch)
        for segment in _price_segments(
            catalog, subscription, phase, plan, keys, program, period=period, stretch=held
        )
    )
    return _joined(found, _commitment_bounds(subscription))


def _joined(found: Iterable[Segment], bounds: Container[Instant]) -> list[Segment]:
    """Parts that differ in nothing but their place in time are one, where one ends and the next begins;
    what is metered stays apart at the bounds of a commitment, which counts it. A program goes on under
    another plan that lists it: who was active in both halves of a month was active in one month."""
    places: dict[tuple[object, ...], int] = {}
    joined: list[Segment] = []
    for segment in found:
        meter = None if segment.meter is None else segment.meter.version
        plan, price = segment.plan, segment.price
        table = (plan.key, plan.version) if segment.program is None else segment.program.reference
        key = (table, price.key, price.version, meter, segment.terms)
        place = places.get(key)
        if place is not None and _goes_on(joined[place], segment, bounds):
            before = joined[place]
            joined[place] = replace(before, part=Period(before.part.start, segment.part.end))
        else:
            places[key] = len(joined)
            joined.append(segment)
    return joined


def _goes_on(before: Segment, after: Segment, bounds: Container[Instant]) -> bool:
    if after.meter is not None and after.part.start in bounds:
        return False
    return before.part.end == after.part.start and after.part.start not in _discounts_end(after.price)


def _plan_stretches(
    catalog: Catalog, subscription: Subscription, period: Period
) -> Iterator[tuple[Phase, Plan, Period]]:
    for phase in subscription.phases:
        start = max(phase.start, period.start)
        end = period.end if phase.end is None else min(phase.end, period.end)
        if start >= end:
            continue
        changes = _commitment_bounds(subscription)
        if phase.plan_version is None:
            changes |= {plan.effective_from for plan in catalog.plans.versions(phase.plan)}
        for stretch in Period(start, end).split(changes):
            yield phase, _plan_at(catalog, subscription, phase, stretch.start), stretch


def _commitment_bounds(subscription: Subscription) -> set[Instant]:
    return {bound for each in subscription.commitments for bound in (each.start, each.end)}


def _plan_at(catalog: Catalog, subscription: Subscription, phase: Phase, instant: Instant) -> Plan:
    if phase.plan_version is None:
        plan = catalog.plans.at(phase.plan, _priced_at(phase, instant))
    else:
        plan = catalog.plans.version(phase.plan, phase.plan_version)
    if plan is None:
        raise NothingInForce("plan", phase.plan, subscription.key, instant)
    return plan


def _fee_tables(
    catalog: Catalog, subscription: Subscription, phase: Phase, plan: Plan, stretch: Period
) -> Iterator[tuple[tuple[PriceKey, ...], Program | None, Period]]:
    """The plan's own prices, then program by program those of each of its versions, where it holds."""
    yield plan.prices, None, stretch
    for key in plan.programs:
        changes = (program.effective_from for program in catalog.programs.versions(key))
        for held in stretch.split(changes):
            program = catalog.programs.at(key, _priced_at(phase, held.start))
            if program is None:
                raise NothingInForce("program", key, subscription.key, held.start)
            yield program.prices, program, held


def _priced_at(phase: Phase, instant: Instant) -> Instant:
    """Whose prices hold at an instant of the phase: those of the instant, or the ones it keeps."""
    return instant if phase.grandfathered is None else phase.grandfathered.prices_as_of


def _price_segments(
    catalog: Catalog,
    subscription: Subscription,
    phase: Phase,
    plan: Plan,
    keys: tuple[PriceKey, ...],
    program: Program | None,
    *,
    period: Period,
    stretch: Period,
) -> Iterator[Segment]:
    """Those of one fee table over one stretch of the period."""
    owner = (subscription.key, subscription.customer, period)
    for listed in keys:
        key = phase.price(listed)
        for priced in stretch.split(price.effective_from for price in catalog.prices.versions(key)):
            price = catalog.prices.at(key, _priced_at(phase, priced.start))
            if price is None:
                raise NothingInForce("price", key, subscription.key, priced.start)
            held = _holds(catalog, phase, plan, price, program, priced.start)
            terms = _terms(phase, listed, kept=not held)
            for dealt in priced.split(_discounts_end(price)):
                for part, meter in _meter_parts(catalog, subscription, price, dealt):
                    yield Segment(*owner, part, plan, price, meter, program, terms)


def _discounts_end(price: Price) -> list[Instant]:
    """A discount holds for a part or not at all, so the period is split where one ends."""
    return [discount.until for discount in price.modifiers.discounts if discount.until is not None]


def _holds(
    catalog: Catalog, phase: Phase, plan: Plan, price: Price, program: Program | None, instant: Instant
) -> bool:
    """Whether the price, and what lists it, would be in force by now anyway. A phase that keeps what holds
    keeps nothing, and must not split the price where it ends."""
    if phase.grandfathered is None or catalog.prices.at(price.key, instant) is not price:
        return phase.grandfathered is None
    if phase.plan_version is None and catalog.plans.at(phase.plan, instant) is not plan:
        return False
    return program is None or catalog.programs.at(program.key, instant) is program


def _terms(phase: Phase, listed: PriceKey, *, kept: bool) -> Terms:
    if not (phase.quantities or phase.prices or phase.waived or kept):
        return LIST_TERMS
    old = None
    if kept:
        assert phase.grandfathered is not None, "only such a phase keeps anything"
        assert phase.end is not None, "the catalog's check wants an end of what is kept"
        old = Kept(phase.grandfathered.prices_as_of, phase.end, phase.grandfathered.successor)
    return Terms(
        quantity=phase.quantity(listed),
        in_place_of=None if phase.price(listed) == listed else listed,
        waived=phase.waived,
        kept=old,
    )


def _meter_parts(
    catalog: Catalog, subscription: Subscription, price: Price, priced: Period
) -> Iterator[tuple[Period, Meter | None]]:
    if price.meter is None:
        yield priced, None
        return
    for part in priced.split(meter.effective_from for meter in catalog.meters.versions(price.meter)):
        meter = catalog.meters.at(price.meter, part.start)
        if meter is None:
            raise NothingInForce("meter", price.meter, subscription.key, part.start)
        yield part, meter
