"""How the pipeline does: per source and hour what was received and what became of it, how long it took, and
what needs a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.flows.control_totals import ComparedTotal, differing_totals
from tieout.flows.home import Home
from tieout.flows.known_sources import check_source
from tieout.flows.sequence_gaps import gaps
from tieout.ingest.lag import percentile
from tieout.ingest.rate import NOTHING, VerdictCounts, verdict_counts
from tieout.ingest.reason import Reason
from tieout.ingest.sequence import SequenceGaps
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.ports import ArrivalOrder, LagCount, PipelineAlert, RefusedRequests, Tally

HOURS_SHOWN = 24
HOURS_MAX = 24 * 366 * 10


@dataclass(frozen=True, slots=True)
class Lag:
    """A lag's percentiles in microseconds, over the `items` of which it is known."""

    name: str
    items: int
    p50: int
    p99: int


@dataclass(frozen=True, slots=True)
class SourceHour:
    """One source in one hour received. `reasons` counts conflicts and quarantined items by reason;
    `out_of_order` is None where arrivals were not counted.
    """

    source: str
    hour: Instant
    counts: VerdictCounts
    reasons: tuple[tuple[Reason, int], ...]
    lags: tuple[Lag, ...]
    out_of_order: int | None


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """`hours` up to the newest one in which anything was received; `total` is the sum of the rows."""

    head: Watermark
    since: Instant | None
    rows: tuple[SourceHour, ...]
    total: VerdictCounts
    refused_requests: tuple[RefusedRequests, ...]
    open_alerts: tuple[PipelineAlert, ...]
    differing_totals: tuple[ComparedTotal, ...]
    gaps: tuple[SequenceGaps, ...]


def pipeline_status(home: Home, *, source: str | None = None, hours: int = HOURS_SHOWN) -> PipelineStatus:
    """The last `hours` hours, counted back from the newest in which anything was received (from `source`).

    Refused requests are nobody's source and are shown with any. Raises `UnknownSource`.
    """
    assert 1 <= hours <= HOURS_MAX, hours
    if source is not None:
        check_source(home, source)
    newest = home.pipeline.newest_hour(source)
    since = None if newest is None else Instant(newest - (hours - 1) * HOUR_MICROSECONDS)
    rates = home.pipeline.rates(source=source, since=since)
    rows = _rows(
        rates,
        home.pipeline.lags(source=source, since=since),
        home.pipeline.arrivals(source=source, since=since),
    )
    total = sum((row.counts for row in rows), NOTHING)
    assert total.received == sum(tally.items for tally in rates), "law L1"
    return PipelineStatus(
        head=home.log.head(),
        since=since,
        rows=rows,
        total=total,
        refused_requests=home.pipeline.refused_requests(since=since),
        open_alerts=home.pipeline.alerts(only_open=True, source=source),
        differing_totals=differing_totals(home, source=source),
        gaps=gaps(home, source=source),
    )


def _rows(
    rates: Sequence[Tally], lags: Sequence[LagCount], arrivals: Sequence[ArrivalOrder]
) -> tuple[SourceHour, ...]:
    tallies: dict[tuple[Instant, str], list[Tally]] = {}
    for tally in rates:
        tallies.setdefault((tally.hour, tally.source), []).append(tally)
    counted = lag_counts(lags)
    order = {(row.hour, row.source): row.out_of_order for row in arrivals}
    return tuple(
        SourceHour(
            source=source,
            hour=hour,
            counts=verdict_counts((tally.verdict, tally.items) for tally in mine),
            reasons=_reasons(mine),
            lags=lags_of(counted.get((hour, source), {})),
            out_of_order=order.get((hour, source)),
        )
        for (hour, source), mine in sorted(tallies.items())
    )


def _reasons(tallies: Sequence[Tally]) -> tuple[tuple[Reason, int], ...]:
    kept = [tally for tally in tallies if tally.verdict in (Verdict.CONFLICT, Verdict.QUARANTINED)]
    return tuple((tally.reason, tally.items) for tally in sorted(kept, key=lambda tally: tally.reason))


LagCounts = dict[str, dict[int, int]]
"""Items by lag and bucket."""


def lag_counts(lags: Sequence[LagCount]) -> dict[tuple[Instant, str], LagCounts]:
    """By hour and source."""
    found: dict[tuple[Instant, str], LagCounts] = {}
    for count in lags:
        found.setdefault((count.hour, count.source), {}).setdefault(count.lag, {})[count.bucket] = count.items
    return found


def lags_of(counted: Mapping[str, Mapping[int, int]]) -> tuple[Lag, ...]:
    """The percentiles of each lag, by name."""
    found = []
    for name, buckets in sorted(counted.items()):
        half, most = percentile(buckets, 50), percentile(buckets, 99)
        if half is not None and most is not None:
            found.append(Lag(name, sum(buckets.values()), half, most))
    return tuple(found)
