"""The pipeline's numbers as Prometheus text, for a monitor to scrape.

A monitor computes in binary floats and may miss a scrape: these numbers watch, they never bill. Every number
is read from what commits have kept. Labels are escaped by the library, and there are at most SOURCES_MAX
sources, the first that sent anything: what the others send is told under `other`, so that a sender who makes
up sources cannot fill the monitor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tieout.close.outcome import OutcomeName
from tieout.flows.home import Home
from tieout.ingest.lag import percentile
from tieout.ingest.reason import Reason
from tieout.kernel.instant import HOUR_MICROSECONDS, SECOND_MICROSECONDS, Instant, hour_of
from tieout.notice.attempt import MessageState
from tieout.ports import LagCount, LogSizes, NoticeCounts, PipelineAlert, RefusedRequests, Tally

SOURCES_MAX = 100
KEYS_MAX = 100
OTHER = "other"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LAG_HOURS = 2
"""Percentiles of lags are over the current hour and the one before."""
PERCENTS = (50, 99)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """One reading of everything that is told."""

    sizes: LogSizes
    totals: tuple[Tally, ...]
    lags: tuple[LagCount, ...]
    refused: tuple[RefusedRequests, ...]
    alerts: tuple[PipelineAlert, ...]
    waiting: Mapping[OutcomeName, int]
    closed: tuple[int, Instant] | None
    notices: NoticeCounts


class _Collector(Collector):
    """The metrics of one reading."""

    def __init__(self, numbers: _Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers
        named = _first_sources(numbers.totals)
        yield from _gauges(numbers.sizes)
        yield _received(numbers.totals, named)
        yield _not_accepted(numbers.totals, named)
        yield _lags(numbers.lags, named)
        yield _refused(numbers.refused)
        yield _alerts(numbers.alerts, named)
        yield from _closes(numbers)
        yield from _notices(numbers.notices)


def metrics_text(home: Home) -> bytes:
    """The text of one scrape, in the format that CONTENT_TYPE names."""
    this_hour = hour_of(home.clock.now())
    since = Instant(this_hour - (LAG_HOURS - 1) * HOUR_MICROSECONDS)
    numbers = _Numbers(
        home.pipeline.sizes(),
        home.pipeline.totals(),
        home.pipeline.lags(source=None, since=since),
        home.pipeline.refused_requests(since=None),
        home.pipeline.open_alerts(),
        home.books.closes.waiting(),
        home.books.closes.last_ended(),
        home.books.notices.counts(),
    )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(numbers))
    return generate_latest(registry)


def _first_sources(totals: Sequence[Tally]) -> frozenset[str]:
    """By their first hour, so that a source that is named stays named, and a counter never falls."""
    first: dict[str, Instant] = {}
    for tally in totals:
        first[tally.source] = min(tally.hour, first.get(tally.source, tally.hour))
    return frozenset(sorted(first, key=lambda source: (first[source], source))[:SOURCES_MAX])


def _gauges(sizes: LogSizes) -> Iterator[Metric]:
    yield _gauge("tieout_head_batch", "The last batch of the log.", sizes.head)
    yield _gauge("tieout_compacted_batch", "The last batch that segments hold.", sizes.compacted)
    if sizes.wal_bytes is not None:
        yield _gauge("tieout_wal_bytes", "Bytes of the log's write-ahead log.", sizes.wal_bytes)


def _notices(counts: NoticeCounts) -> Iterator[Metric]:
    yield _gauge("tieout_notices_unrouted", "Notices in the outbox.", counts.unrouted)
    yield _gauge("tieout_notice_messages_failing", "Messages that wait after a failure.", counts.failing)
    family = GaugeMetricFamily("tieout_notice_messages", "Messages of notices.", labels=("state",))
    for state in MessageState:
        family.add_metric((state.value,), counts.of(state))
    yield family


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _received(totals: Sequence[Tally], named: frozenset[str]) -> Metric:
    found: Counter[tuple[str, ...]] = Counter()
    for tally in totals:
        found[_named(tally.source, named), tally.verdict.name.lower()] += tally.items
    text = "Received items by verdict; received is the sum of the four."
    return _counter("tieout_items", text, ("source", "verdict"), found)


def _not_accepted(totals: Sequence[Tally], named: frozenset[str]) -> Metric:
    found: Counter[tuple[str, ...]] = Counter()
    for tally in totals:
        if tally.reason is not Reason.NONE:
            found[_named(tally.source, named), tally.reason.code] += tally.items
    text = "Items in quarantine or conflict when they came, by reason."
    return _counter("tieout_items_not_accepted", text, ("source", "reason"), found)


def _lags(lags: Sequence[LagCount], named: frozenset[str]) -> Metric:
    counted: dict[tuple[str, str], Counter[int]] = {}
    for count in lags:
        key = (_named(count.source, named), count.lag)
        counted.setdefault(key, Counter())[count.bucket] += count.items
    text = (
        "How long accepted events took, in this hour received and the one before; less than 9.1 % too high."
    )
    family = Metric("tieout_lag_seconds", text, "summary")
    for (source, lag), buckets in sorted(counted.items()):
        for percent in PERCENTS:
            microseconds = percentile(buckets, percent)
            if microseconds is not None:
                labels = {"source": source, "lag": lag, "quantile": str(Decimal(percent) / 100)}
                family.add_sample("tieout_lag_seconds", labels, microseconds / SECOND_MICROSECONDS)
    return family


def _refused(refused: Sequence[RefusedRequests]) -> Metric:
    first = list(dict.fromkeys(each.key_id for each in refused))
    named = frozenset(first[:KEYS_MAX])
    found: Counter[tuple[str, ...]] = Counter()
    for each in refused:
        found[_named(each.key_id, named), each.reason] += each.requests
    text = "Requests refused before an item of theirs was received."
    return _counter("tieout_requests_refused", text, ("key", "reason"), found)


def _alerts(alerts: Sequence[PipelineAlert], named: frozenset[str]) -> Metric:
    found = Counter((_named(alert.shift.source, named), alert.shift.kind.value) for alert in alerts)
    family = GaugeMetricFamily(
        "tieout_open_alerts", "Pipeline alerts that nobody has closed yet.", labels=("source", "kind")
    )
    for labels, count in sorted(found.items()):
        family.add_metric(labels, count)
    return family


def _closes(numbers: _Numbers) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "tieout_accounts_waiting", "Accounts held, parked or in review since a close.", labels=("outcome",)
    )
    for outcome in (OutcomeName.HELD, OutcomeName.PARKED, OutcomeName.IN_REVIEW):
        family.add_metric((outcome.value,), numbers.waiting.get(outcome, 0))
    yield family
    if numbers.closed is not None:
        run, ended_at = numbers.closed
        yield _gauge("tieout_close_run", "The last run of the close that came to its end.", run)
        at = ended_at // SECOND_MICROSECONDS
        yield _gauge("tieout_close_ended_seconds", "When it did, in seconds of the Unix epoch.", at)


def _counter(name: str, text: str, labels: Sequence[str], found: Counter[tuple[str, ...]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in _sorted(found):
        family.add_metric(values, count)
    return family


def _sorted(found: Counter[tuple[str, ...]]) -> Iterable[tuple[tuple[str, ...], int]]:
    return sorted(found.items())


def _named(name: str, named: frozenset[str]) -> str:
    return name if name in named else OTHER
