"""Where every event of a meter's type went: each is in one bucket, so nothing is silently unbilled (L6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
from duckdb import DuckDBPyConnection

from tieout.aggregate.bucket import BucketCounts, BucketRequest
from tieout.aggregate.select import NO_VALUE
from tieout.aggregate.window import ClippedSpan
from tieout.engines.duckdb_engine import connected
from tieout.engines.duckdb_events import meter_events_sql
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import exact_rows
from tieout.engines.duckdb_retracted import register_retracted
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest

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
    events = meter_events_sql(connection, request.meter, manifest, request.period, bindings)
    if events is None:
        return BucketCounts(request.meter, request.period, 0, (), 0, 0, 0)
    connection.register("owned", _span_table(request.owned))
    connection.register("priced", _span_table(request.priced))
    retracted = register_retracted(connection, manifest)
    kept = "matched AND NOT excluded AND NOT retracted"
    reasons = [*(exclusion.reason for exclusion in request.meter.exclusions), NO_VALUE]
    columns = (
        f"count(*) FILTER (WHERE {kept} AND priced.opens IS NOT NULL)",
        "count(*) FILTER (WHERE NOT matched AND NOT retracted)",
        f"count(*) FILTER (WHERE {kept} AND owned.opens IS NULL AND priced.opens IS NULL)",
        f"count(*) FILTER (WHERE {kept} AND owned.opens IS NOT NULL AND priced.opens IS NULL)",
        "count(*) FILTER (WHERE retracted)",
        *(
            f"count(*) FILTER (WHERE matched AND NOT retracted AND reason = {place})"
            for place in range(len(reasons))
        ),
    )
    sql = (
        f"SELECT {', '.join(columns)} FROM (SELECT events.*, {retracted.flag} AS retracted "  # noqa: S608
        f"FROM ({events}) AS events {retracted.join}) AS events "  # constants and placeholders only
        f"LEFT JOIN owned {SPAN_ON.format('owned')} LEFT JOIN priced {SPAN_ON.format('priced')}"
    )
    (row,) = exact_rows(connection, sql, bindings.values, ["BIGINT"] * len(columns))
    counted, not_matched, unmatched, unpriced, gone, *by_reason = (number or 0 for number in row)
    excluded: dict[str, int] = {}
    for reason, count in zip(reasons, by_reason, strict=True):
        if count:
            excluded[reason] = excluded.get(reason, 0) + count
    found = tuple(excluded.items())
    return BucketCounts(
        request.meter, request.period, counted, found, not_matched, unmatched, unpriced, retracted=gone
    )


def _span_table(spans: Sequence[ClippedSpan]) -> pa.Table:
    disjoint = merged(spans)
    return pa.table(
        {
            "subject": pa.array([span.subject for span in disjoint], pa.string()),
            "opens": pa.array([span.start for span in disjoint], pa.int64()),
            "closes": pa.array([span.end for span in disjoint], pa.int64()),
        }
    )
