"""Where a period is split under a meter whose parts do not add up: allowed, and worth a warning, since every
part is then billed in full. Two peaks of nine seats in one month are eighteen.

A period is split by a new version of a price, plan or program, and by the bounds of a commitment. Where that
is the first instant of a month on the calendar of some customer, it is taken for the start of a period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import time
from functools import partial

from tieout.contract.document import DocumentKind
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.contract.problem import Problem
from tieout.contract.program import Program
from tieout.contract.rules.draft import Draft
from tieout.contract.subscription import Subscription
from tieout.kernel.ids import MeterKey, PriceKey
from tieout.kernel.instant import Instant, to_datetime
from tieout.kernel.zone import zone


def warn_of_peaks_in_parts(draft: Draft) -> Iterator[Problem]:
    """A warning for each later version, and each bound of a commitment, that splits such usage."""
    zones = {customer.zone for customer in draft.catalog.customers}
    priced: list[tuple[DocumentKind, Iterable[Price | Plan | Program]]] = [
        (DocumentKind.PRICE, draft.catalog.prices),
        (DocumentKind.PLAN, draft.catalog.plans),
        (DocumentKind.PROGRAM, draft.catalog.programs),
    ]
    for kind, records in priced:
        for record in records:
            if record.version > 1 and not _starts_a_month(record.effective_from, zones):
                for meter in _split_meters(draft, _listed(record), record.effective_from):
                    yield draft.problem(kind, record, "effective_from", _words(meter))
    for key in draft.catalog.subscriptions.keys:
        yield from _commitments(draft, draft.catalog.subscriptions.versions(key)[-1])


def _commitments(draft: Draft, subscription: Subscription) -> Iterator[Problem]:
    zones = {each.zone for each in draft.catalog.customers.versions(subscription.customer)}
    for place, commitment in enumerate(subscription.commitments):
        for name, bound in (("from", commitment.start), ("until", commitment.end)):
            if _starts_a_month(bound, zones):
                continue
            problem = partial(
                draft.problem, DocumentKind.SUBSCRIPTION, subscription, f"commitment[{place}].{name}"
            )
            yield from (problem(_words(meter)) for meter in _metered_at(draft, subscription, bound))


def _metered_at(draft: Draft, subscription: Subscription, bound: Instant) -> list[Meter]:
    """The meters that the bound splits: those of a phase that lasts before and after it."""
    keys: list[PriceKey] = []
    for phase in subscription.phases:
        if phase.start < bound and (phase.end is None or bound < phase.end):
            for plan in draft.catalog.plans_of(phase):
                keys += [phase.price(key) for key in plan.prices]
                programs = (draft.catalog.programs.at(key, bound) for key in plan.programs)
                keys += [key for program in programs if program is not None for key in program.prices]
    return _split_meters(draft, keys, bound)


def _listed(record: Price | Plan | Program) -> tuple[PriceKey, ...]:
    return (record.key,) if isinstance(record, Price) else record.prices


def _split_meters(draft: Draft, keys: Iterable[PriceKey], at: Instant) -> list[Meter]:
    """Meters of the prices whose parts are each billed in full, once each."""
    found: dict[MeterKey, Meter] = {}
    for price in (draft.catalog.prices.at(key, at) for key in keys):
        meter = None if price is None or price.meter is None else draft.catalog.meters.at(price.meter, at)
        if meter is None or meter.aggregation.additive or meter.aggregation is Aggregation.TIME_WEIGHTED:
            continue
        found.setdefault(meter.key, meter)
    return list(found.values())


def _starts_a_month(instant: Instant, zones: Iterable[str]) -> bool:
    """On the calendar of one of the zones, or of UTC."""
    local = (to_datetime(instant).astimezone(zone(name)) for name in {"UTC", *zones})
    return any(there.day == 1 and there.time() == time() for there in local)


def _words(meter: Meter) -> str:
    return (
        f"splits a period that is under way: the {meter.aggregation} of meter {meter.key} is then billed in "
        "full for each part; let it begin with a period"
    )
