"""From segments to usage requests, and from their snapshots to charges: each segment gets one charge, or
one for each group where its price says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest, clip
from tieout.close.segments import Segment
from tieout.contract.catalog import Catalog
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import MeterKey, PriceKey, SubscriptionId
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.rate.charge import Charge
from tieout.rate.needs import breakdown_of
from tieout.rate.rate import rate
from tieout.rate.usage import ALL_USAGE, group_names, usage_of

WindowKey = tuple[SubscriptionId, MeterKey, int, Period]


class MissingSnapshot(IntegrityViolation):
    """An engine answered fewer requests than it was asked; that must not pass for no usage."""

    code = "missing-snapshot"

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self.segment = segment

    def __str__(self) -> str:
        return (
            f"No usage came back for price {self.segment.price.key}, "
            f"subscription {self.segment.subscription}, {self.segment.part}."
        )


def usage_requests(catalog: Catalog, segments: Iterable[Segment]) -> list[UsageRequest]:
    """One request per subscription, meter version and part, by first need, as fine as any of its prices
    needs."""
    requests: dict[WindowKey, UsageRequest] = {}
    for segment in segments:
        if segment.meter is None:
            continue
        key = (segment.subscription, segment.meter.key, segment.meter.version, segment.part)
        if key in requests:
            found = requests[key]
            requests[key] = replace(found, breakdown=found.breakdown | breakdown_of(segment.price))
        else:
            spans = clip(catalog.subjects.of_customer(segment.customer), segment.customer, segment.part)
            requests[key] = UsageRequest(
                segment.meter,
                segment.subscription,
                segment.customer,
                segment.part,
                spans,
                breakdown_of(segment.price),
            )
    return list(requests.values())


def charges(segments: Sequence[Segment], snapshots: Iterable[Snapshot]) -> list[Charge]:
    """The charges of the segments, in their order. Raises `MissingSnapshot`."""
    by_key: dict[WindowKey, Snapshot] = {
        (snapshot.subscription, snapshot.meter, snapshot.meter_version, snapshot.period): snapshot
        for snapshot in snapshots
    }
    used = [_usage_of(segment, by_key) for segment in segments]
    return [
        charge
        for segment, snapshot, prior in zip(segments, used, _priors(segments, used), strict=True)
        for charge in _charges(segment, snapshot, prior)
    ]


def _usage_of(segment: Segment, snapshots: dict[WindowKey, Snapshot]) -> Snapshot | None:
    if segment.meter is None:
        return None
    snapshot = snapshots.get((segment.subscription, segment.meter.key, segment.meter.version, segment.part))
    if snapshot is None:
        raise MissingSnapshot(segment)
    return snapshot


def _priors(segments: Sequence[Segment], used: Sequence[Snapshot | None]) -> list[Quantity | None]:
    """For each part under a price that continues its tiers, the usage of the parts of that price before it in
    the period, in the unit that the price is for; None before the first. What a trial or a pause waived fills
    no tier."""
    priors: list[Quantity | None] = [None] * len(segments)
    continuing = {_continued(segment) for segment in segments if segment.price.tier_split == "continue"}
    if not continuing:
        return priors
    totals: dict[tuple[SubscriptionId, PriceKey], Quantity] = {}
    for place in sorted(range(len(segments)), key=lambda place: segments[place].part.start):
        segment, snapshot = segments[place], used[place]
        key = _continued(segment)
        if snapshot is None or key not in continuing:
            continue
        if segment.price.tier_split == "continue":
            priors[place] = totals.get(key)
        if segment.terms.waived is None:
            billed = usage_of(snapshot, segment.price, ALL_USAGE).quantity
            totals[key] = totals.get(key, QUANTITY_ZERO) + billed
    return priors


def _continued(segment: Segment) -> tuple[SubscriptionId, PriceKey]:
    return segment.subscription, segment.price.key


def _charges(segment: Segment, snapshot: Snapshot | None, prior: Quantity | None) -> Iterator[Charge]:
    groups = (ALL_USAGE,) if snapshot is None else group_names(snapshot, segment.price)
    for group in groups:
        yield rate(
            snapshot,
            segment.price,
            plan=segment.plan,
            subscription=segment.subscription,
            period=segment.period,
            segment=segment.part,
            group=group,
            program=segment.program,
            terms=segment.terms if prior is None else replace(segment.terms, prior=prior),
        )
