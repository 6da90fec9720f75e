"""What live usage keeps up: the requests of the period that holds now, as the close would make them, each
also by the dimensions of its meter where usage adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from tieout.aggregate.breakdown import Breakdown
from tieout.aggregate.snapshot_text import breakdown_json, breakdown_text, parse_breakdown
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.close.calendar import CALENDAR_FIRST, PeriodDefault, calendar_of
from tieout.close.period_zone import zone_then
from tieout.close.rating import usage_requests
from tieout.close.segments import Segment, segments
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import NoSuchCustomer
from tieout.flows.feature_requests import feature_requests
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports.live import RequestDigest, StandingRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request of the close, and the finer one that is kept up in its place while it does not fall into too
    many groups.
    """

    request: UsageRequest
    digest: RequestDigest
    fine: UsageRequest
    fine_digest: RequestDigest


@dataclass(frozen=True, slots=True)
class OpenUsage:
    """One customer's open periods: what is shown as the period, the segments that prices rate, and what is
    asked for them; `features`: what is asked for the meters of features; `billed`: the open period of each
    subscription, in the catalog's order. It holds in `[since, until)`, as long as nobody applies or signs
    anything.
    """

    customer: CustomerId
    period: Period
    segments: tuple[Segment, ...]
    wanted: tuple[Wanted, ...]
    since: Instant
    until: Instant
    features: tuple[Wanted, ...]
    billed: tuple[Period, ...]

    @property
    def kept_up(self) -> tuple[Wanted, ...]:
        return self.wanted + self.features

    @property
    def digests(self) -> tuple[RequestDigest, ...]:
        """All under which an answer may be kept."""
        return tuple(dict.fromkeys(name for each in self.wanted for name in (each.fine_digest, each.digest)))


def open_usage(
    catalog: Catalog, defaults: Sequence[PeriodDefault], customer: CustomerId, instant: Instant
) -> OpenUsage:
    """The periods that hold `instant`. Raises `NoSuchCustomer` or `NothingInForce`."""
    versions = catalog.customers.versions(customer)
    if not versions:
        raise NoSuchCustomer(customer)
    periods = [
        (subscription, calendar_of(catalog, subscription, defaults).at(instant))
        for subscription in catalog.subscriptions_of(customer)
    ]
    found = [
        segment
        for subscription, billed in periods
        for segment in segments(catalog, subscription, billed.whole, billed.period)
    ]
    used = {segment.subscription for segment in found}
    held = [billed.period for _, billed in periods]
    if not held:  # the month that is shown to who has no subscription
        place = zone_then(catalog, customer, instant)
        held = [period_at(Anchor(Cadence.MONTHLY, place, CALENDAR_FIRST), instant)]
    shown = [billed.period for subscription, billed in periods if subscription.key in used]
    priced = usage_requests(catalog, found)
    asked = [wanted(request) for request in priced]
    return OpenUsage(
        customer,
        min(shown or held),
        tuple(found),
        tuple(asked),
        max(period.start for period in held),
        min(period.end for period in held),
        tuple(
            next((each for each in asked if each.request == request), None) or _alone(request)
            for subscription, billed in periods
            for request in feature_requests(catalog, subscription, billed.period, priced)
        ),
        tuple(billed.period for _, billed in periods),
    )


def _alone(request: UsageRequest) -> Wanted:
    """Asked for its total only."""
    digest = request_digest(request)
    return Wanted(request, digest, request, digest)


def wanted(request: UsageRequest) -> Wanted:
    fine = request
    if request.meter.aggregation.additive and request.meter.dimensions:
        finest = request.breakdown | Breakdown(tuple(sorted(request.meter.dimensions)))
        fine = replace(request, breakdown=finest)
    digest = request_digest(request)
    return Wanted(request, digest, fine, digest if fine is request else request_digest(fine))


def request_digest(request: UsageRequest) -> RequestDigest:
    """Equal for requests that ask for the same number of the same subscription, for no others."""
    members: JsonValue = {
        "meter": request.meter.key,
        "meter_version": JsonNumber(str(request.meter.version)),
        "meter_digest": request.meter.digest,
        "subscription": request.subscription,
        "customer": request.customer,
        "period": [JsonNumber(str(request.period.start)), JsonNumber(str(request.period.end))],
        "spans": [
            [span.subject, JsonNumber(str(span.start)), JsonNumber(str(span.end))] for span in request.spans
        ],
        "breakdown": breakdown_json(request.breakdown),
    }
    return sha256(canonical_json(members).encode()).hexdigest()


def standing_row(request: UsageRequest, digest: RequestDigest) -> StandingRow:
    return StandingRow(
        digest,
        request.customer,
        request.subscription,
        request.meter.key,
        request.meter.version,
        request.meter.digest,
        request.period,
        breakdown_text(request.breakdown),
        tuple((span.subject, span.start, span.end) for span in request.spans),
    )


def request_of(catalog: Catalog, row: StandingRow) -> UsageRequest | None:
    """The request that a row was made of; None where its meter version is not in the catalog."""
    meter = catalog.meters.version(row.meter, row.meter_version)
    if meter is None or meter.digest != row.meter_digest:
        return None
    spans = tuple(ClippedSpan(subject, start, end) for subject, start, end in row.spans)
    return UsageRequest(
        meter, row.subscription, row.customer, row.period, spans, parse_breakdown(row.breakdown)
    )
