"""Whose usage is on no invoice, for the accounts whose signed policy holds on it; where no policy does,
nothing is looked up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tieout.aggregate.bucket import UnbilledUsage
from tieout.close.reconcile_unbilled import Unbilled
from tieout.contract.catalog import Catalog
from tieout.contract.policy import HoldOn
from tieout.flows.count_buckets import bucket_requests
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.flows.read_log import read_log
from tieout.kernel.ids import CustomerId, MeterKey, Subject, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


def unbilled_usage(
    home: Home, catalog: Catalog, due: Sequence[DueAccount], *, cutoff: Watermark
) -> tuple[Unbilled, ...]:
    """As of the cutoff, by the periods of those accounts."""
    holding: dict[Period, set[CustomerId]] = defaultdict(set)
    for account in due:
        if account.policy.policy.hold_on:
            holding[account.elapsed].add(account.customer)
    return tuple(
        found
        for period, customers in sorted(holding.items())
        for found in _inside(home, catalog, period, customers, cutoff)
    )


def _inside(
    home: Home, catalog: Catalog, period: Period, customers: set[CustomerId], cutoff: Watermark
) -> Iterator[Unbilled]:
    requests = bucket_requests(catalog, period)
    rows = read_log(home, lambda manifest: home.engine.unbilled_usage(requests, manifest), watermark=cutoff)
    counts: dict[tuple[MeterKey, CustomerId | None], tuple[int, str]] = {}
    for request, found in zip(requests, rows, strict=True):
        owners = _owners(catalog, request.period)
        for row in found:
            key = request.meter.key, _owner(owners, row)
            count, first = counts.get(key, (0, row.subject))
            counts[key] = count + row.count, min(first, row.subject)
    for (meter, customer), (count, first) in sorted(counts.items(), key=str):
        if customer is None:
            yield Unbilled(HoldOn.UNMATCHED, meter, period, None, count, first)
        elif customer in customers:
            yield Unbilled(HoldOn.UNPRICED, meter, period, customer, count, first, is_laid=True)
        elif not _has_account(catalog, customer, period):
            yield Unbilled(HoldOn.UNPRICED, meter, period, customer, count, first)


def _owners(catalog: Catalog, period: Period) -> dict[tuple[Subject, Instant], CustomerId]:
    return {
        (clipped.subject, clipped.start): span.customer
        for span in catalog.subjects.spans
        if (clipped := span.clip(period)) is not None
    }


def _owner(owners: dict[tuple[Subject, Instant], CustomerId], row: UnbilledUsage) -> CustomerId | None:
    return None if row.owner is None else owners[row.owner]


def _has_account(catalog: Catalog, customer: CustomerId, period: Period) -> bool:
    """Whether some account of the customer has its own turn for usage of this time."""
    return any(
        each.phases and each.phases[0].start < period.end and (each.end is None or each.end > period.start)
        for each in catalog.subscriptions_of(customer)
    )
