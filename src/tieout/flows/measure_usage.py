"""Live usage of one customer: measured over the log as it is now, in the period that holds an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.aggregate.breakdown import UsageGroup
from tieout.aggregate.snapshot import Snapshot
from tieout.close.calendar import BillingPeriod, calendar_of
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation
from tieout.contract.subscription import Subscription
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.home import Home
from tieout.flows.late_events import LateRow, late_rows
from tieout.flows.late_sources import LateDetail, late_detail
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.mapped_late import MappedLateRow, mapped_late
from tieout.flows.policy import PolicyState, policies
from tieout.flows.read_log import read_log
from tieout.flows.standing_requests import open_usage
from tieout.flows.usage_windows import Window, usage_by_window
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
    groups: tuple[UsageGroup, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage as of the end of batch `watermark`, and what came too late for the customer's sealed invoices.

    `mapped_late` is usage of subjects that became the customer's after a seal; `detail` is there where it was
    asked for; `windows`, where they are, hold one row for each meter and window in which anything counts.
    `as_of`: when the batch was received.
    """

    customer: CustomerId
    period: Period
    watermark: Watermark
    rows: tuple[UsageRow, ...]
    late: tuple[LateRow, ...]
    mapped_late: tuple[MappedLateRow, ...]
    detail: LateDetail | None
    as_of: Instant | None = None
    group_by: tuple[str, ...] = ()
    windows: tuple[UsageRow, ...] | None = None


def usage(
    home: Home,
    customer: CustomerId,
    *,
    at: Instant | None,
    detailed: bool = False,
    group_by: tuple[str, ...] = (),
    window: Window | None = None,
    at_batch: Watermark | None = None,
) -> UsageReport:
    """The billing period that holds `at` (None: now), as of a batch (None: the last one). What is kept up is
    used where it stands at that batch. Raises `NoSuchCustomer`, `NothingInForce`, `NoSuchDimension`,
    `NoSuchBatch` or `Unmeasurable`.
    """
    catalog = load_catalog(home)
    instant = home.clock.now() if at is None else at
    plan = open_usage(catalog, period_defaults(policies(home)), customer, instant)
    watermark = home.log.head() if at_batch is None else at_batch
    live = LiveUsageReader(home).of_plan(plan, group_by=group_by, at=watermark)
    rows = [_row(catalog, _measured(each), group_by) for each in live.snapshots]
    late, mapped = read_log(
        home,
        lambda manifest: (
            late_rows(home, catalog, manifest, customer),
            mapped_late(home, catalog, manifest, customer),
        ),
        watermark=watermark,
    )
    windows = None
    if window is not None:
        found = usage_by_window(home, plan, window, watermark, group_by=group_by)
        windows = tuple(_row(catalog, _measured(each.snapshot), group_by) for each in found)
    return UsageReport(
        customer,
        plan.period,
        watermark,
        tuple(rows),
        tuple(late),
        mapped,
        late_detail(home, catalog, watermark, customer, late) if detailed else None,
        live.as_of,
        tuple(sorted(group_by)),
        windows,
    )


def _measured(answer: Snapshot | Unmeasurable) -> Snapshot:
    if isinstance(answer, Unmeasurable):
        raise answer
    return answer


def _row(catalog: Catalog, found: Snapshot, group_by: tuple[str, ...]) -> UsageRow:
    meter = catalog.meters.version(found.meter, found.meter_version)
    is_grouped = bool(group_by) and found.breakdown.dimensions == tuple(sorted(group_by))
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
        meter is not None and meter.aggregation is Aggregation.TIME_WEIGHTED,
        found.groups if is_grouped else (),
    )


def billing_period(
    catalog: Catalog, subscription: Subscription, signed: Sequence[PolicyState], instant: Instant
) -> BillingPeriod:
    """The period of the subscription that holds an instant, under the policies as they are signed now."""
    return calendar_of(catalog, subscription, period_defaults(signed)).at(instant)
