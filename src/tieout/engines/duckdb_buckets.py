"""Where every event of a meter's type went: each is in one bucket, so nothing is silently unbilled (L6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
from duckdb import DuckDBPyConnection

from tieout.aggregate.breakdown import Breakdown
from tieout.aggregate.bucket import BucketCounts, BucketRequest
from tieout.aggregate.select import NO_VALUE
from tieout.aggregate.window import ClippedSpan
from tieout.contract.meter import Aggregation
from tieout.engines.duckdb_engine import connected
from tieout.engines.duckdb_events import meter_events_sql
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import exact_rows
from tieout.engines.duckdb_retracted import register_retracted
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest

VALUED = {
    **dict.fromkeys(Aggregation, "units IS NOT NULL"),
    Aggregation.COUNT: "TRUE",
    Aggregation.UNIQUE: "text IS NOT NULL",
}
"""What an event must have for the meter alone, whatever a price adds up beside it."""
SPAN_ON = 'ON events."subject" = {0}."subject" AND events."time" >= {0}.opens AND events."time" < {0}.closes'


def bucket_counts(
    requests: Sequence[BucketRequest], manifest: LogManifest, *, threads: int | None = None
) -> list[BucketCounts]:
    """The buckets of each request as of the manifest's watermark, in their order."""
    with connected(threads) as connection:
        return [_buckets(connection, request, manifest) for request in requests]


def merged(spans: Iterable[ClippedSpan]) -> list[ClippedSpan]:
    """The same instants per subject in disjoint spans, so that an event meets one of them at most."""
    result: list[ClippedSpan] = []
    for span in sorted(spans, key=lambda span: (span.subject, span.start)):
        last = result[-1] if result else None
        if last is not None and last.subject == span.subject and span.start <= last.end:
            result[-1] = ClippedSpan(last.subject, last.start, Instant(max(last.end, span.end)))
        else:
            result.append(span)
    return result


def _buckets(connection: DuckDBPyConnection, request: BucketRequest, manifest: LogManifest) -> BucketCounts:
    bindings = Bindings()
    amount = Breakdown(amount_field=request.amount_field)
    events = meter_events_sql(connection, request.meter, manifest, request.period, bindings, amount)
    if events is None:
        return BucketCounts(request.meter, request.period, 0, (), 0, 0, 0)
    connection.register("owned", _span_table(request.owned))
    connection.register("priced", _span_table(request.priced))
    connection.register("by_amount", _span_table(request.priced_by_amount))
    retracted = register_retracted(connection, manifest)
    reasons = [*(exclusion.reason for exclusion in request.meter.exclusions), NO_VALUE]
    last = len(reasons) - 1
    lacks_amount = f"coalesce(reason = {last}, FALSE) AND {VALUED[request.meter.aggregation]}"
    sql = (
        f"SELECT {', '.join(_columns(last))} FROM (SELECT events.*, {retracted.flag} AS retracted, "  # noqa: S608
        f"{lacks_amount} AS lacks_amount FROM ({events}) AS events {retracted.join}) AS events "
        + " ".join(f"LEFT JOIN {name} {SPAN_ON.format(name)}" for name in ("owned", "priced", "by_amount"))
    )  # constants and placeholders only
    (row,) = exact_rows(connection, sql, bindings.values, ["BIGINT"] * (5 + len(reasons)))
    counted, not_matched, unmatched, unpriced, gone, *by_reason = (number or 0 for number in row)
    excluded: dict[str, int] = {}
    for reason, count in zip(reasons, by_reason, strict=True):
        if count:
            excluded[reason] = excluded.get(reason, 0) + count
    found = tuple(excluded.items())
    return BucketCounts(
        request.meter, request.period, counted, found, not_matched, unmatched, unpriced, retracted=gone
    )


def _columns(no_value: int) -> list[str]:
    """The counts, in the order in which they are read; `no_value` is the place of the last reason."""
    standing = "matched AND NOT retracted"
    kept = f"{standing} AND (NOT excluded OR lacks_amount)"
    priced, by_amount, owned = (f"{name}.opens IS NOT NULL" for name in ("priced", "by_amount", "owned"))
    return [
        f"count(*) FILTER (WHERE {kept} AND ({priced} OR ({by_amount} AND NOT lacks_amount)))",
        "count(*) FILTER (WHERE NOT matched AND NOT retracted)",
        f"count(*) FILTER (WHERE {kept} AND NOT ({owned}) AND NOT ({priced}) AND NOT ({by_amount}))",
        f"count(*) FILTER (WHERE {kept} AND {owned} AND NOT ({priced}) AND NOT ({by_amount}))",
        "count(*) FILTER (WHERE retracted)",
        *(f"count(*) FILTER (WHERE {standing} AND reason = {place})" for place in range(no_value)),
        f"count(*) FILTER (WHERE {standing} AND reason = {no_value} "
        f"AND (NOT lacks_amount OR ({by_amount} AND NOT ({priced}))))",
    ]


def _span_table(spans: Sequence[ClippedSpan]) -> pa.Table:
    disjoint = merged(spans)
    return pa.table(
        {
            "subject": pa.array([span.subject for span in disjoint], pa.string()),
            "opens": pa.array([span.start for span in disjoint], pa.int64()),
            "closes": pa.array([span.end for span in disjoint], pa.int64()),
        }
    )
