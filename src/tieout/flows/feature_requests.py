"""What is asked of the log for the meters of features: usage of all the time that a subscription runs in its
billing period, whatever splits the prices in between, since a limit is for the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tieout.aggregate.window import UsageRequest, clip
from tieout.contract.catalog import Catalog
from tieout.contract.subscription import Subscription
from tieout.kernel.ids import MeterKey
from tieout.kernel.period import Period


def feature_requests(
    catalog: Catalog, subscription: Subscription, period: Period, priced: Iterable[UsageRequest]
) -> Iterator[UsageRequest]:
    """One for each version of each meter, by start. Where a request of the close's asks for the same time of
    the same subscription, it is that one, so that nothing is kept twice."""
    end = period.end if subscription.end is None else min(period.end, subscription.end)
    start = max(period.start, subscription.phases[0].start)
    if start >= end:
        return
    known = {
        (request.meter.key, request.meter.version, request.period): request
        for request in priced
        if request.subscription == subscription.key
    }
    spans = catalog.subjects.of_customer(subscription.customer)
    for key in _meters(catalog, subscription, Period(start, end)):
        for part in Period(start, end).split(each.effective_from for each in catalog.meters.versions(key)):
            meter = catalog.meters.at(key, part.start)
            if meter is None:  # before its first version it counts nothing
                continue
            found = known.get((key, meter.version, part))
            customer = subscription.customer
            yield found or UsageRequest(meter, subscription.key, customer, part, clip(spans, customer, part))


def _meters(catalog: Catalog, subscription: Subscription, period: Period) -> list[MeterKey]:
    """Of every feature that any plan of the period has, so that a change of plan finds them counted."""
    return sorted(
        {
            feature.meter
            for phase in subscription.phases
            if phase.start < period.end and (phase.end is None or period.start < phase.end)
            for plan in catalog.plans_of(phase)
            for feature in plan.features
            if feature.meter is not None
        }
    )
