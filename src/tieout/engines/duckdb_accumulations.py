"""Accumulations by DuckDB: what snapshots are made of, for usage that is kept up as events come.

The selects are those of the snapshots; beside them stands what a snapshot no longer shows: sums before their
division, the place of the last event, and the texts of unique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from duckdb import DuckDBPyConnection

from tieout.aggregate.accumulation import Accumulation
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation
from tieout.engines.duckdb_columns import ORDER
from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_engine import (
    AMOUNTS,
    COLUMNS,
    COLUMNS_OF_ALL,
    KEPT,
    judged_sql,
)
from tieout.engines.duckdb_groups import groups_by_request
from tieout.engines.duckdb_levels import levels_by_request
from tieout.engines.duckdb_predicate import Bindings, Bound
from tieout.engines.duckdb_result import exact_rows, exact_text_rows, quantity_of, whole
from tieout.kernel.digest import LANE_MODULUS
from tieout.kernel.instant import INSTANT_MIN
from tieout.kernel.period import Period
from tieout.ports import LogManifest

PLACE: Final = (
    (f'arg_max("time", {ORDER}) {KEPT}', "BIGINT"),
    (f'arg_max("batch", {ORDER}) {KEPT}', "BIGINT"),
    (f'arg_max("row", {ORDER}) {KEPT}', "INTEGER"),
)


def accumulate_each(
    requests: Sequence[UsageRequest], manifest: LogManifest, *, threads: int | None
) -> list[Accumulation]:
    """One for each request, in their order."""
    found = [Accumulation() for _ in requests]
    together: dict[tuple[object, ...], list[int]] = {}
    for place, request in enumerate(requests):
        together.setdefault((request.meter, request.breakdown), []).append(place)
    with connected(threads) as connection:
        for places in together.values():
            mine = [requests[place] for place in places]
            for number, one in _of_meter(connection, mine, manifest).items():
                found[places[number]] = one
    return found


def _of_meter(
    connection: DuckDBPyConnection, requests: Sequence[UsageRequest], manifest: LogManifest
) -> dict[int, Accumulation]:
    meter, breakdown = requests[0].meter, requests[0].breakdown
    spans = [span for request in requests for span in request.spans]
    if not spans:
        return {}
    bounds = Period(min(span.start for span in spans), max(span.end for span in spans))
    bindings = Bindings()
    judged = judged_sql(connection, requests, manifest, bounds, bindings)
    found = {} if judged is None else _counted(connection, requests[0], judged, bindings.values)
    if judged is not None and breakdown:
        counts = meter.aggregation is Aggregation.COUNT
        groups = groups_by_request(connection, judged, bindings.values, breakdown, counts=counts)
        for number, mine in groups.items():
            found[number].groups = {group.order: group for group in mine}
    if judged is not None and meter.aggregation is Aggregation.UNIQUE:
        _add_texts(connection, judged, bindings.values, found)
    if meter.aggregation is Aggregation.TIME_WEIGHTED:
        bindings = Bindings()
        history = Period(INSTANT_MIN, bounds.end)
        judged = judged_sql(connection, requests, manifest, history, bindings, since_ever=True)
        levels = {} if judged is None else levels_by_request(connection, judged, bindings.values)
        for number, level in levels.items():
            one = found.setdefault(number, Accumulation())
            one.parts, one.parts_magnitude, one.opening = level.parts, level.magnitude, level.opening
    return found


def _counted(
    connection: DuckDBPyConnection, request: UsageRequest, judged: str, bound: Mapping[str, Bound]
) -> dict[int, Accumulation]:
    aggregation = request.meter.aggregation
    priced = request.breakdown.amount_field is not None
    columns = [
        *COLUMNS_OF_ALL,
        *(() if aggregation is Aggregation.UNIQUE else COLUMNS[aggregation]),
        *(PLACE if aggregation is Aggregation.LAST else ()),
        *(AMOUNTS if priced else ()),
    ]
    sql = f"SELECT {', '.join(expression for expression, _ in columns)} FROM ({judged}) GROUP BY request"  # noqa: S608
    found = {}
    for row in exact_rows(connection, sql, bound, [type_ for _, type_ in columns]):
        number, count, excluded, retracted, lane_a, lane_b, *value = [cell or 0 for cell in row]
        one = Accumulation(count, excluded, retracted, lane_a % LANE_MODULUS, lane_b % LANE_MODULUS)
        if priced:
            one.amount_magnitude = quantity_of(units=value[-2], atoms=value[-1]).atoms
        if aggregation in (Aggregation.SUM, Aggregation.AVERAGE):
            one.total = quantity_of(units=value[0], atoms=value[1]).atoms
            one.magnitude = quantity_of(units=value[2], atoms=value[3]).atoms
        elif count and aggregation in (Aggregation.MAX, Aggregation.MIN):
            one.standing = value[0]
        elif count and aggregation is Aggregation.LAST:
            one.standing = quantity_of(units=value[0], atoms=value[1]).atoms
            one.latest = (value[2], value[3], value[4])
        found[number] = one
    return found


def _add_texts(
    connection: DuckDBPyConnection,
    judged: str,
    bound: Mapping[str, Bound],
    found: Mapping[int, Accumulation],
) -> None:
    sql = (
        f"SELECT request, text, count(*) FROM ({judged}) "  # noqa: S608 (constants and placeholders)
        "WHERE NOT excluded AND NOT retracted GROUP BY request, text"
    )
    for number, text, times in exact_text_rows(connection, sql, bound, ["INTEGER", "VARCHAR", "BIGINT"]):
        found[whole(number)].texts[str(text)] = whole(times)
