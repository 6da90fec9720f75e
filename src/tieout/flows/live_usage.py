"""What a customer has used in the periods that are open now: from what is kept up, else from the log itself.

Both give the same numbers at the same watermark, and every answer states its own (L8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tieout.aggregate.accumulation import snapshot_of
from tieout.aggregate.breakdown import Breakdown, regrouped
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.close.calendar import PeriodDefault
from tieout.close.segments import Segment
from tieout.contract.meter import Aggregation
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.rarely_collected import remember
from tieout.flows.read_log import read_log
from tieout.flows.standing_requests import OpenUsage, Wanted, open_usage, wanted
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, MeterKey, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity, Unmeasurable
from tieout.ports import LogManifest
from tieout.ports.live import LiveAnswer, LiveMark

PLANS_REMEMBERED_MAX: Final = 200_000


class NoSuchDimension(Refusal):
    """Usage is asked for by something that no meter of the customer has as a dimension."""

    code = "no-such-dimension"

    def __init__(self, name: str, known: frozenset[str]) -> None:
        listed = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"No additive meter of this customer has the dimension {shown(name)}; there are: {listed}."
        )


class NoSuchBatch(NotFound):
    """Usage is asked for as of a batch that is not there yet."""

    code = "no-such-batch"

    def __init__(self, asked: Watermark, head: Watermark) -> None:
        super().__init__(f"There is no batch {asked}; the log ends at batch {head}.")


@dataclass(frozen=True, slots=True)
class LiveUsage:
    """One customer's open periods at one watermark. `snapshots` are those that a close would take of the
    requests, in their order, or what makes one unmeasurable; `segments` are what prices rate with them.

    `as_of`: when the batch at the watermark was received, None for an empty log. `kept`: whether all of it
    came from what is kept up, or some was counted for this answer.
    """

    customer: CustomerId
    period: Period
    watermark: Watermark
    as_of: Instant | None
    segments: tuple[Segment, ...]
    snapshots: tuple[Snapshot | Unmeasurable, ...]
    kept: bool

    def of_meter(self, meter: MeterKey) -> tuple[Snapshot | Unmeasurable, ...]:
        """One for each subscription, version and part of the period."""
        return tuple(each for each in self.snapshots if isinstance(each, Unmeasurable) or each.meter == meter)


class LiveUsageReader:
    """Answers for one home, for as long as a process likes; remembers what each customer is asked by.

    Not for two threads at once.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._revision: tuple[int, int] | None = None
        self._defaults: tuple[PeriodDefault, ...] = ()
        self._plans: dict[CustomerId, OpenUsage] = {}

    def usage(self, customer: CustomerId, *, group_by: tuple[str, ...] = ()) -> LiveUsage:
        """As of the latest watermark that is kept; with `group_by`, each additive meter that has all these
        dimensions in groups by them instead of by what its prices need. Raises `NoSuchCustomer`,
        `NothingInForce` or `NoSuchDimension`.
        """
        return self.of_plan(self.plan(customer), group_by=group_by)

    def usage_at(
        self, customer: CustomerId, watermark: Watermark, *, group_by: tuple[str, ...] = ()
    ) -> LiveUsage:
        """As the log was at the end of a batch: from what is kept if it stands there, else counted."""
        return self.of_plan(self.plan(customer), group_by=group_by, at=watermark)

    def plan(self, customer: CustomerId) -> OpenUsage:
        """What the customer's open periods are asked by. Raises `NoSuchCustomer` or `NothingInForce`."""
        catalog, books = load_catalog(self._home), self._home.books
        revision = (books.documents.revision(), books.signatures.count())
        if revision != self._revision:
            self._plans.clear()
            self._defaults = period_defaults(policies(self._home))
            self._revision = revision
        now = self._home.clock.now()
        found = self._plans.get(customer)
        if found is None or not found.since <= now < found.until:
            if len(self._plans) >= PLANS_REMEMBERED_MAX:
                self._plans.clear()
            found = remember(self._plans, customer, open_usage(catalog, self._defaults, customer, now))
        return found

    def of_plan(
        self, plan: OpenUsage, *, group_by: tuple[str, ...] = (), at: Watermark | None = None
    ) -> LiveUsage:
        """The same for periods that need not be open now. Raises `NoSuchDimension` or `NoSuchBatch`."""
        _check_dimensions(plan, group_by)
        answer = self._home.live.read(plan.digests)
        if answer is not None and at is not None and answer.mark.watermark != at:
            answer = None
        mark = self._mark(at) if answer is None else answer.mark
        asked = [(each, asked_breakdown(each, group_by)) for each in plan.wanted]
        found = [_kept_snapshot(each, breakdown, answer) for each, breakdown in asked]
        missing = [place for place, each in enumerate(found) if each is None]
        if missing:
            requests = [replace(asked[place][0].request, breakdown=asked[place][1]) for place in missing]

            def measured(manifest: LogManifest) -> list[Snapshot | Unmeasurable]:
                return self._home.engine.measure_each(requests, manifest)

            counted = read_log(self._home, measured, watermark=mark.watermark)
            for place, one in zip(missing, counted, strict=True):
                found[place] = one
        return LiveUsage(
            plan.customer,
            plan.period,
            mark.watermark,
            mark.received_at,
            plan.segments,
            tuple(each for each in found if each is not None),
            not missing,
        )

    def _mark(self, at: Watermark | None) -> LiveMark:
        head = self._home.log.head()
        watermark = head if at is None else at
        if watermark > head:
            raise NoSuchBatch(watermark, head)
        return LiveMark(watermark, self._home.log.received_at(watermark))


def kept_snapshots(
    home: Home, requests: Sequence[UsageRequest], since: Watermark
) -> tuple[Watermark, list[Snapshot | Unmeasurable | None]]:
    """What is kept of these, at a watermark of `since` or later, whatever stands there; None for each that is
    not kept, and `since` with nothing where live usage has not come so far."""
    asked = [wanted(request) for request in requests]
    names = dict.fromkeys(name for each in asked for name in (each.fine_digest, each.digest))
    answer = home.live.read(list(names)) if names else None
    if answer is None or answer.mark.watermark < since:
        return since, [None] * len(requests)
    found = [_kept_snapshot(each, each.request.breakdown, answer) for each in asked]
    return answer.mark.watermark, found


def asked_breakdown(wanted: Wanted, group_by: tuple[str, ...]) -> Breakdown:
    """By what a request is broken down: as its prices need, unless other groups are asked for."""
    meter = wanted.request.meter
    if group_by and meter.aggregation.additive and set(group_by) <= set(meter.dimensions):
        return Breakdown(
            tuple(sorted(group_by)), by_value=False, amount_field=wanted.request.breakdown.amount_field
        )
    return wanted.request.breakdown


def _check_dimensions(plan: OpenUsage, group_by: tuple[str, ...]) -> None:
    additive = [each.request.meter for each in plan.wanted if each.request.meter.aggregation.additive]
    known = frozenset(name for meter in additive for name in meter.dimensions)
    for name in group_by:
        if name not in known:
            raise NoSuchDimension(name, known)


def _kept_snapshot(
    wanted: Wanted, breakdown: Breakdown, answer: LiveAnswer | None
) -> Snapshot | Unmeasurable | None:
    """None where nothing that is as fine is kept."""
    if answer is None:
        return None
    for request, digest in ((wanted.fine, wanted.fine_digest), (wanted.request, wanted.digest)):
        one = answer.kept.get(digest)
        if one is not None and set(breakdown.dimensions) <= set(request.breakdown.dimensions):
            try:
                whole = snapshot_of(request, one, answer.mark.watermark)
            except Unmeasurable as refusal:
                return refusal
            groups = regrouped(whole.groups, request.breakdown, breakdown) if breakdown else ()
            quantity = _unique(request.meter.aggregation, digest, answer.distinct, whole.quantity)
            return replace(whole, breakdown=breakdown, groups=groups, quantity=quantity)
    return None


def _unique(
    aggregation: Aggregation, digest: str, distinct: Mapping[str, int], quantity: Quantity
) -> Quantity:
    """A reader does not read the texts of a unique, only how many there are."""
    return Quantity.of(distinct[digest]) if aggregation is Aggregation.UNIQUE else quantity
