"""Where every event of a meter's type went: each is in one bucket, so nothing is silently unbilled (L6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
from duckdb import DuckDBPyConnection

from tieout.aggregate.breakdown import Breakdown
from tieout.aggregate.bucket import BucketCounts, BucketRequest, UnbilledUsage
from tieout.aggregate.select import NO_VALUE
from tieout.aggregate.window import ClippedSpan
from tieout.contract.meter import Aggregation
from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_events import meter_events_sql
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import exact_rows, exact_text_rows, whole
from tieout.engines.duckdb_retracted import register_retracted
from tieout.kernel.ids import Subject
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest

VALUED = {
    **dict.fromkeys(Aggregation, "units IS NOT NULL"),
    Aggregation.COUNT: "TRUE",
    Aggregation.UNIQUE: "text IS NOT NULL",
}
"""What an event must have for the meter alone, whatever a price adds up beside it."""
STANDING = "matched AND NOT retracted"
SPAN_ON = 'ON events."subject" = {0}."subject" AND events."time" >= {0}.opens AND events."time" < {0}.closes'


def bucket_counts(
    requests: Sequence[BucketRequest], manifest: LogManifest, *, threads: int | None = None
) -> list[BucketCounts]:
    """The buckets of each request as of the manifest's watermark, in their order."""
    with connected(threads) as connection:
        return [_buckets(connection, request, manifest) for request in requests]


def unbilled_usage(
    requests: Sequence[BucketRequest], manifest: LogManifest, *, threads: int | None = None
) -> list[list[UnbilledUsage]]:
    """Whose the unmatched and unpriced events of each request are. Its owned spans are taken as they are, so
    that each belongs to one customer: they may not overlap."""
    with connected(threads) as connection:
        return [_unbilled(connection, request, manifest) for request in requests]


def _unbilled(
    connection: DuckDBPyConnection, request: BucketRequest, manifest: LogManifest
) -> list[UnbilledUsage]:
    bindings = Bindings()
    amount = Breakdown(amount_field=request.amount_field)
    events = meter_events_sql(connection, request.meter, manifest, request.period, bindings, amount)
    if events is None:
        return []
    spans = _Spans.of(request, apart=True)
    joined = _joined(connection, request, manifest, events, spans)
    kept, priced, by_amount, _ = spans.conditions()
    sql = (
        "SELECT CASE WHEN owned.opens IS NULL THEN NULL ELSE events.subject END AS owner, owned.opens, "  # noqa: S608
        f'count(*), min(events."subject") FROM {joined} '
        f"WHERE {kept} AND NOT ({priced}) AND NOT ({by_amount}) GROUP BY 1, 2 ORDER BY 1, 2"
    )  # constants and placeholders only
    types = ["VARCHAR", "BIGINT", "BIGINT", "VARCHAR"]
    return [
        UnbilledUsage(
            None if opens is None else (Subject(str(owner)), Instant(whole(opens))), whole(count), str(first)
        )
        for owner, opens, count, first in exact_text_rows(connection, sql, bindings.values, types)
    ]


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
    spans = _Spans.of(request)
    joined = _joined(connection, request, manifest, events, spans)
    reasons = _reasons(request)
    sql = f"SELECT {', '.join(_columns(spans, len(reasons) - 1))} FROM {joined}"  # noqa: S608 - constants
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


def _reasons(request: BucketRequest) -> list[str]:
    return [*(exclusion.reason for exclusion in request.meter.exclusions), NO_VALUE]


def _joined(
    connection: DuckDBPyConnection,
    request: BucketRequest,
    manifest: LogManifest,
    events: str,
    spans: _Spans,
) -> str:
    """Each event with whether it was retracted, and the spans that it is inside."""
    for name, table in spans.tables.items():
        connection.register(name, table)
    retracted = register_retracted(connection, manifest)
    last = len(_reasons(request)) - 1
    lacks_amount = f"coalesce(reason = {last}, FALSE) AND {VALUED[request.meter.aggregation]}"
    return (
        f"(SELECT events.*, {retracted.flag} AS retracted, {lacks_amount} AS lacks_amount "  # noqa: S608
        f"FROM ({events}) AS events {retracted.join}) AS events "
        + " ".join(f"LEFT JOIN {name} {SPAN_ON.format(name)}" for name in spans.tables)
    )  # constants and placeholders only


@dataclass(frozen=True, slots=True)
class _Spans:
    """The tables of spans that events are joined with, by name, and which of them stands for each kind of
    span: None where there are none of it. Where all that is owned is priced too, one join tells both."""

    tables: dict[str, pa.Table]
    names: dict[str, str | None]

    @classmethod
    def of(cls, request: BucketRequest, *, apart: bool = False) -> _Spans:
        """`apart`: the owned ones are taken as they are, not merged."""
        owned, priced = _span_table(request.owned, apart=apart), _span_table(request.priced)
        by_amount = _span_table(request.priced_by_amount)
        tables = {"owned": owned}
        names: dict[str, str | None] = {"owned": "owned", "priced": None, "by_amount": None}
        for name, table in (("priced", priced), ("by_amount", by_amount)):
            if table.equals(owned):
                names[name] = "owned"
            elif table.num_rows:
                tables[name] = table
                names[name] = name
        return cls(tables, names)

    def conditions(self) -> tuple[str, str, str, str]:
        """Kept by the meter; inside a priced span, one with an amount, an owned one."""
        kept = f"{STANDING} AND (NOT excluded OR lacks_amount)"
        return kept, self._inside("priced"), self._inside("by_amount"), self._inside("owned")

    def _inside(self, kind: str) -> str:
        name = self.names[kind]
        return "FALSE" if name is None else f"{name}.opens IS NOT NULL"


def _columns(spans: _Spans, no_value: int) -> list[str]:
    """The counts, in the order in which they are read; `no_value` is the place of the last reason."""
    standing = STANDING
    kept, priced, by_amount, owned = spans.conditions()
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


def _span_table(spans: Sequence[ClippedSpan], *, apart: bool = False) -> pa.Table:
    """Merged, or `apart` as they are."""
    disjoint = spans if apart else merged(spans)
    return pa.table(
        {
            "subject": pa.array([span.subject for span in disjoint], pa.string()),
            "opens": pa.array([span.start for span in disjoint], pa.int64()),
            "closes": pa.array([span.end for span in disjoint], pa.int64()),
        }
    )
