"""Live usage of one customer: measured over the log as it is now, in the period that holds an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.close.calendar import CALENDAR_FIRST, BillingPeriod, calendar_of
from tieout.close.rating import usage_requests
from tieout.close.segments import segments
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation
from tieout.contract.party import Customer
from tieout.contract.subscription import Subscription
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.home import Home
from tieout.flows.late_events import LateRow, late_rows
from tieout.flows.late_sources import LateDetail, late_detail
from tieout.flows.mapped_late import MappedLateRow, mapped_late
from tieout.flows.policy import PolicyState, policies
from tieout.flows.read_log import read_log
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import CustomerId, MeterKey, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity, Unmeasurable
from tieout.rate.conversion import converted


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One meter version of one subscription over `period`, a part of the billing period or all of it.

    `converted` is all of it in the unit that prices are for, where the meter has a conversion. With
    `holds_levels` the levels, `opening_count` of them from before, are taken to hold until `period` ends.
    """

    subscription: SubscriptionId
    meter: MeterKey
    meter_version: int
    unit: str
    period: Period
    quantity: Quantity
    event_count: int
    excluded_count: int
    retracted_count: int
    fingerprint: Fingerprint
    converted: Quantity | None
    converted_unit: str | None
    opening_count: int
    holds_levels: bool


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage as of the end of batch `watermark`, and what came too late for the customer's sealed invoices.

    `mapped_late` is usage of subjects that became the customer's after a seal; `detail` is there where it was
    asked for.
    """

    customer: CustomerId
    period: Period
    watermark: Watermark
    rows: tuple[UsageRow, ...]
    late: tuple[LateRow, ...]
    mapped_late: tuple[MappedLateRow, ...]
    detail: LateDetail | None


def usage(home: Home, customer: CustomerId, *, at: Instant | None, detailed: bool = False) -> UsageReport:
    """The billing period that holds `at` (None: now). Raises `NoSuchCustomer`, `NothingInForce`,
    `Unmeasurable`.
    """
    catalog = load_catalog(home)
    versions = catalog.customers.versions(customer)
    if not versions:
        raise NoSuchCustomer(customer)
    instant = home.clock.now() if at is None else at
    signed = policies(home)
    subscriptions = catalog.subscriptions_of(customer)
    periods = [(each, billing_period(catalog, each, signed, instant)) for each in subscriptions]
    found = [
        segment
        for subscription, billed in periods
        for segment in segments(catalog, subscription, billed.whole, billed.period)
    ]
    requests = usage_requests(catalog, found)
    answers, late, mapped, watermark = read_log(
        home,
        lambda manifest: (
            home.engine.measure_each(requests, manifest),
            late_rows(home, catalog, manifest, customer),
            mapped_late(home, catalog, manifest, customer),
            manifest.watermark,
        ),
    )
    rows = []
    for request, answer in zip(requests, answers, strict=True):
        if isinstance(answer, Unmeasurable):
            raise answer
        rows.append(_row(request, answer))
    used = {segment.subscription for segment in found}
    shown = [billed.period for subscription, billed in periods if subscription.key in used]
    shown = shown or [billed.period for _, billed in periods] or [_calendar_month(versions[-1], instant)]
    return UsageReport(
        customer,
        min(shown),
        watermark,
        tuple(rows),
        tuple(late),
        mapped,
        late_detail(home, catalog, watermark, customer, late) if detailed else None,
    )


def _calendar_month(customer: Customer, instant: Instant) -> Period:
    """The month that is shown to who has no subscription."""
    return period_at(Anchor(Cadence.MONTHLY, customer.zone, CALENDAR_FIRST), instant)


def _row(request: UsageRequest, found: Snapshot) -> UsageRow:
    conversion = found.conversion
    return UsageRow(
        found.subscription,
        found.meter,
        found.meter_version,
        found.unit,
        found.period,
        found.quantity,
        found.event_count,
        found.excluded_count,
        found.retracted_count,
        found.fingerprint,
        None if conversion is None else converted(found.quantity, conversion),
        None if conversion is None else conversion.unit,
        len(found.opening),
        request.meter.aggregation is Aggregation.TIME_WEIGHTED,
    )


def billing_period(
    catalog: Catalog, subscription: Subscription, signed: Sequence[PolicyState], instant: Instant
) -> BillingPeriod:
    """The period of the subscription that holds an instant, under the policies as they are signed now."""
    return calendar_of(catalog, subscription, period_defaults(signed)).at(instant)
