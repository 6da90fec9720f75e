"""Several meters of one event type in one query: what they read is read, and laid to its request, once.

It pays where a plan has several meters, whose requests then name the same spans. A breakdown, unique values
and levels over time are left to a query of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from duckdb import DuckDBPyConnection

from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation
from tieout.engines.duckdb_columns import columns_of, columns_of_all, span_table
from tieout.engines.duckdb_events import meters_events_sql, prefix
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import Row, exact_rows
from tieout.engines.duckdb_retracted import register_retracted
from tieout.kernel.ids import EventType
from tieout.kernel.period import Period
from tieout.ports import LogManifest

TOGETHER_MAX: Final = 8
"""More meters make a statement with too many columns for its own good."""
APART: Final = (Aggregation.UNIQUE, Aggregation.TIME_WEIGHTED)
_Spans = tuple[tuple[ClippedSpan, ...], ...]


def sharing(groups: Iterable[Sequence[int]], requests: Sequence[UsageRequest]) -> list[list[Sequence[int]]]:
    """The groups (places of the requests for one meter and breakdown), those together that one query can
    answer: they read the same events inside the same spans, request by request."""
    alone: list[list[Sequence[int]]] = []
    shared: dict[tuple[EventType, _Spans], list[list[Sequence[int]]]] = {}
    for places in groups:
        first = requests[places[0]]
        spans = tuple(tuple(requests[place].spans) for place in places)
        if first.breakdown or first.meter.aggregation in APART or not any(spans):
            alone.append([places])
            continue
        found = shared.setdefault((first.meter.event, spans), [[]])
        if len(found[-1]) == TOGETHER_MAX:
            found.append([])
        found[-1].append(places)
    return [*alone, *(each for found in shared.values() for each in found)]


def together(
    connection: DuckDBPyConnection, groups: Sequence[Sequence[UsageRequest]], manifest: LogManifest
) -> list[dict[int, Row]]:
    """For each group the rows that a query of its own would give, by the number of the request."""
    meters = [group[0].meter for group in groups]
    spans = [span for request in groups[0] for span in request.spans]
    bounds = Period(min(span.start for span in spans), max(span.end for span in spans))
    bindings = Bindings()
    events = meters_events_sql(connection, meters, manifest, bounds, bindings)
    if events is None:
        return [{} for _ in groups]
    connection.register("spans", span_table(groups[0]))
    retracted = register_retracted(connection, manifest)
    widths, columns = [], [*columns_of_all()[:1]]
    for place, meter in enumerate(meters):
        mine = (*columns_of_all(prefix(place))[1:], *columns_of(meter.aggregation, prefix(place)))
        widths.append(len(mine))
        columns += mine
    matched = " OR ".join(f"{prefix(place)}matched" for place in range(len(meters)))
    sql = (
        f"SELECT {', '.join(expression for expression, _ in columns)} FROM ("  # noqa: S608 - as in `judged_sql`
        f"SELECT events.*, request, {retracted.flag} AS retracted FROM ({events}) AS events "
        'JOIN spans ON events."subject" = spans."subject" AND events."time" >= opens '
        f'AND events."time" < closes {retracted.join} WHERE {matched}) GROUP BY request'
    )
    found: list[dict[int, Row]] = [{} for _ in groups]
    for request, *cells in exact_rows(connection, sql, bindings.values, [type_ for _, type_ in columns]):
        begin = 0
        for rows, width in zip(found, widths, strict=True):
            rows[int(request or 0)] = (request, *cells[begin : begin + width])
            begin += width
    return found
