"""The buckets of a close: every accepted event of the closed stretch of time is counted or visibly
somewhere else (L6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tieout.aggregate.bucket import BucketCounts, BucketRequest
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.close.rating import usage_requests
from tieout.close.segments import NothingInForce, segments
from tieout.contract.catalog import Catalog
from tieout.flows.due_accounts import DueAccount
from tieout.flows.late_events import LateRow
from tieout.kernel.ids import MeterKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import LogManifest, UsageEngine

Made = TypeVar("Made")
Plan = tuple[DueAccount, Sequence[UsageRequest]]
"""An account and what is measured for it."""


@dataclass(frozen=True, slots=True)
class BucketRow:
    """Accepted events of one meter's type from the first start to the last end of what was due.

    `excluded` is by reason, of which `no value` is one; `unmatched` have no customer, `unpriced` a customer
    who pays no price on this meter then; `not_matched` are left out by the filter; `retracted` were taken
    back, whatever else they would be. `late` came after the cutoff of a sealed invoice and are in none yet,
    `late_retracted` were taken back after it and are still in one, whatever its period.
    """

    meter: MeterKey
    counted: int
    excluded: tuple[tuple[str, int], ...]
    not_matched: int
    unmatched: int
    unpriced: int
    retracted: int
    late: int
    late_retracted: int

    @property
    def excluded_count(self) -> int:
        return sum(count for _, count in self.excluded)


def bucket_rows(
    engine: UsageEngine,
    catalog: Catalog,
    manifest: LogManifest,
    *,
    periods: Sequence[Period],
    late: Sequence[LateRow],
    counted: Sequence[BucketCounts] | None = None,
) -> tuple[BucketRow, ...]:
    """One row per meter of the catalog; empty where nothing was due and nothing is late. `counted` is what
    `periods_counted` gave for the same, if it was asked before."""
    if counted is None:
        counted = periods_counted(engine, catalog, manifest, periods)
    late_counts = Counter[MeterKey]()
    late_retracted = Counter[MeterKey]()
    for row in late:
        late_counts[row.meter] += row.event_count
        late_retracted[row.meter] += row.retracted_count
    found: dict[MeterKey, list[BucketCounts]] = {meter: [] for meter in late_counts}
    for counts in counted:
        found.setdefault(counts.meter.key, []).append(counts)
    return tuple(
        _row(meter, found[meter], late_counts[meter], late_retracted[meter]) for meter in sorted(found)
    )


def periods_counted(
    engine: UsageEngine,
    catalog: Catalog,
    manifest: LogManifest,
    periods: Sequence[Period],
    plans: Iterable[Plan] = (),
) -> list[BucketCounts]:
    """Of all time from the first start to the last end; nothing where there is no period. What was planned
    need not be worked out again."""
    if not periods:
        return []
    envelope = Period(min(period.start for period in periods), max(period.end for period in periods))
    return engine.bucket_counts(bucket_requests(catalog, envelope, plans), manifest)


def beside_buckets(
    make: Callable[..., Made], periods: Sequence[Period]
) -> Callable[..., tuple[Made, list[BucketCounts] | None]]:
    """What `make` finds in the log and, from when it tells what it `planned`, the buckets of the periods: the
    engine counts outside of Python's lock. No thread is left when it returns or raises: forks may follow.
    None where the buckets were not or could not be counted: they are a report, for which no invoice waits,
    and are counted again later.
    """

    def both(
        engine: UsageEngine,
        catalog: Catalog,
        accounts: Sequence[DueAccount],
        manifest: LogManifest,
        **known: object,
    ) -> tuple[Made, list[BucketCounts] | None]:
        with ThreadPoolExecutor(1) as pool:
            counting: list[Future[list[BucketCounts]]] = []

            def count(plans: Sequence[Plan]) -> None:
                counting.append(pool.submit(periods_counted, engine, catalog, manifest, periods, plans))

            made = make(engine, catalog, accounts, manifest, planned=count, **known)
            counted = [each.result() for each in counting if each.exception() is None]
            return made, counted[0] if counted else None

    return both


def _row(meter: MeterKey, versions: Sequence[BucketCounts], late: int, late_retracted: int) -> BucketRow:
    excluded = Counter[str]()
    for counts in versions:
        excluded.update(dict(counts.excluded))
    return BucketRow(
        meter,
        counted=sum(counts.counted for counts in versions),
        excluded=tuple(sorted(excluded.items())),
        not_matched=sum(counts.not_matched for counts in versions),
        unmatched=sum(counts.unmatched for counts in versions),
        unpriced=sum(counts.unpriced for counts in versions),
        retracted=sum(counts.retracted for counts in versions),
        late=late,
        late_retracted=late_retracted,
    )


def bucket_requests(catalog: Catalog, envelope: Period, plans: Iterable[Plan] = ()) -> list[BucketRequest]:
    """One for each meter version in force in the envelope, inside of it."""
    priced = _priced_spans(catalog, envelope, _planned_for(envelope, plans))
    requests = []
    for meter in catalog.meters:
        until = catalog.meters.until(meter)
        end = envelope.end if until is None else min(until, envelope.end)
        start = max(meter.effective_from, envelope.start)
        if start >= end:
            continue
        period = Period(start, end)
        owned = [
            ClippedSpan(found.subject, found.start, Instant(found.end or period.end))
            for span in catalog.subjects.spans
            if (found := span.clip(period)) is not None
        ]
        plain, by_amount, amount_field = priced.get((meter.key, meter.version), _NOBODY)
        requests.append(BucketRequest(meter, period, owned, plain, by_amount, amount_field))
    return requests


_Priced = tuple[list[ClippedSpan], list[ClippedSpan], str | None]
"""Spans whose events are counted, those that need the amount field as well, and that field."""
_NOBODY: _Priced = ([], [], None)


def _planned_for(envelope: Period, plans: Iterable[Plan]) -> dict[SubscriptionId, list[UsageRequest]]:
    """What is measured for subscriptions whose account bills the whole envelope, no more and no less."""
    found: dict[SubscriptionId, list[UsageRequest]] = {}
    for account, requests in plans:
        if account.running is None and {account.period, *account.wholes} == {envelope}:
            found |= {subscription.key: [] for subscription in account.subscriptions}
            for request in requests:
                found[request.subscription].append(request)
    return found


def _priced_spans(
    catalog: Catalog, envelope: Period, planned: Mapping[SubscriptionId, Sequence[UsageRequest]]
) -> dict[tuple[MeterKey, int], _Priced]:
    """Whose events which meter version bills when, over all subscriptions, due now or not."""
    priced: dict[tuple[MeterKey, int], _Priced] = {}
    for key in catalog.subscriptions.keys:
        subscription = catalog.subscriptions.versions(key)[-1]
        requests = planned.get(subscription.key)
        if requests is None:
            try:
                requests = usage_requests(catalog, segments(catalog, subscription, envelope))
            except NothingInForce:
                continue  # its account is parked and says so; here its events count as unpriced
        for request in requests:
            place = (request.meter.key, request.meter.version)
            plain, by_amount, amount_field = priced.get(place, ([], [], None))
            needed = request.breakdown.amount_field
            (plain if needed is None else by_amount).extend(request.spans)
            priced[place] = (plain, by_amount, amount_field or needed)
    return priced
