"""Snapshots at scale: one DuckDB query per meter version over all its requests, equal digit for digit to
`aggregate.measure`. The engine holds no state; every call reads the manifest it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from duckdb import DuckDBPyConnection

from tieout.aggregate.average import average_of
from tieout.aggregate.breakdown import Breakdown, TooManyGroups, UsageGroup
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.sum import overflows
from tieout.aggregate.time_weighted import level_hours_overflow, unit_hours
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.engines.duckdb_columns import columns_of, columns_of_all, kept, span_table
from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_events import meter_events_sql
from tieout.engines.duckdb_groups import groups_by_request
from tieout.engines.duckdb_levels import NO_LEVELS, Levels, levels_by_request
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import Row, exact_rows, quantity_of
from tieout.engines.duckdb_retracted import register_retracted
from tieout.engines.duckdb_together import sharing, together
from tieout.kernel import limits
from tieout.kernel.digest import LANE_MODULUS, Fingerprint
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import INSTANT_MIN
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity, QuantityOverflow, Unmeasurable
from tieout.ports import LogManifest

Measured = Snapshot | Unmeasurable

KEPT = kept()
COLUMNS = {aggregation: columns_of(aggregation) for aggregation in Aggregation}
COLUMNS_OF_ALL = columns_of_all()
AMOUNTS = (
    (f"sum(abs(amount_units)) {KEPT}", "HUGEINT"),
    (f"sum(abs(amount_atoms)) {KEPT}", "HUGEINT"),
)
"""And what a breakdown with an amount field needs."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """What DuckDB found for the requests of one meter and breakdown, by the number of the request."""

    rows: dict[int, Row] = field(default_factory=dict)
    groups: dict[int, list[UsageGroup]] = field(default_factory=dict)
    levels: dict[int, Levels] = field(default_factory=dict)


class DuckEngine:
    """`UsageEngine` on DuckDB. `threads` None leaves the number to DuckDB: all cores."""

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads

    def measure(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Snapshot]:
        """One snapshot per request, in order. Raises the first refusal."""
        snapshots = []
        for measured in self.measure_each(requests, manifest):
            if isinstance(measured, Unmeasurable):
                raise measured
            snapshots.append(measured)
        return snapshots

    def measure_each(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Measured]:
        """A snapshot per request, in order, or the refusal that parks its account alone."""
        answers: list[Measured | None] = [None] * len(requests)
        groups: dict[tuple[Meter, Breakdown], list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault((request.meter, request.breakdown), []).append(place)
        with connected(self._threads) as connection:
            for alike in sharing(groups.values(), requests):
                several = [[requests[place] for place in places] for places in alike]
                if len(several) > 1:
                    found = together(connection, several, manifest)
                    measured = [_Answers(rows) for rows in found]
                else:
                    measured = [_answers(connection, several[0], manifest)]
                for places, group, told in zip(alike, several, measured, strict=True):
                    for number, (place, request) in enumerate(zip(places, group, strict=True)):
                        answers[place] = _snapshot(request, manifest.watermark, number, told)
        return [answer for answer in answers if answer is not None]


def _answers(
    connection: DuckDBPyConnection, requests: Sequence[UsageRequest], manifest: LogManifest
) -> _Answers:
    meter, breakdown = requests[0].meter, requests[0].breakdown
    spans = [(number, span) for number, request in enumerate(requests) for span in request.spans]
    if not spans:
        return _Answers()
    bounds = Period(min(span.start for _, span in spans), max(span.end for _, span in spans))
    bindings = Bindings()
    judged = judged_sql(connection, requests, manifest, bounds, bindings)
    if judged is None:
        return _Answers()
    columns = (*COLUMNS_OF_ALL, *COLUMNS[meter.aggregation], *(AMOUNTS if breakdown.amount_field else ()))
    sql = f"SELECT {', '.join(expression for expression, _ in columns)} FROM ({judged}) GROUP BY request"  # noqa: S608
    rows = exact_rows(connection, sql, bindings.values, [type_ for _, type_ in columns])
    groups: dict[int, list[UsageGroup]] = {}
    if breakdown:
        counts = meter.aggregation is Aggregation.COUNT
        groups = groups_by_request(connection, judged, bindings.values, breakdown, counts=counts)
    levels: dict[int, Levels] = {}
    if meter.aggregation is Aggregation.TIME_WEIGHTED:
        bindings = Bindings()
        history = Period(INSTANT_MIN, bounds.end)
        judged = judged_sql(connection, requests, manifest, history, bindings, since_ever=True)
        levels = {} if judged is None else levels_by_request(connection, judged, bindings.values)
    return _Answers({int(row[0] or 0): row for row in rows}, groups, levels)


def judged_sql(
    connection: DuckDBPyConnection,
    requests: Sequence[UsageRequest],
    manifest: LogManifest,
    bounds: Period,
    bindings: Bindings,
    *,
    since_ever: bool = False,
) -> str | None:
    """A select of the matched events inside the spans with their request; with `since_ever` of all those
    before the end of each span. None where no part of the log holds any.
    """
    meter, breakdown = requests[0].meter, requests[0].breakdown
    events = meter_events_sql(connection, meter, manifest, bounds, bindings, breakdown)
    if events is None:
        return None
    connection.register("spans", span_table(requests))
    retracted = register_retracted(connection, manifest)
    opened = "" if since_ever else 'AND events."time" >= opens '
    return (
        f"SELECT events.*, request, opens, closes, {retracted.flag} AS retracted FROM ({events}) AS events "  # noqa: S608
        f'JOIN spans ON events."subject" = spans."subject" {opened}AND events."time" < closes '
        f"{retracted.join} WHERE matched"
    )


def _snapshot(request: UsageRequest, watermark: Watermark, number: int, answers: _Answers) -> Measured:
    meter = request.meter
    row = answers.rows.get(number)
    width = len(COLUMNS_OF_ALL) + len(COLUMNS[meter.aggregation]) + len(AMOUNTS)
    numbers = [0] * width if row is None else [cell or 0 for cell in row]
    count, excluded, retracted, lane_a, lane_b, *value = numbers[1:]
    levels = answers.levels.get(number, NO_LEVELS)
    groups = answers.groups.get(number, [])
    if _overflows(request, value, levels):
        return QuantityOverflow(request.name)
    if len(groups) > limits.GROUPS_PER_SNAPSHOT_MAX:
        return TooManyGroups(request.name)
    return Snapshot(
        meter=meter.key,
        meter_version=meter.version,
        meter_digest=meter.digest,
        unit=meter.unit,
        subscription=request.subscription,
        customer=request.customer,
        period=request.period,
        watermark=watermark,
        quantity=_quantity(meter.aggregation, count, value, levels),
        event_count=count,
        fingerprint=Fingerprint(count, lane_a % LANE_MODULUS, lane_b % LANE_MODULUS),
        excluded_count=excluded,
        retracted_count=retracted,
        breakdown=request.breakdown,
        groups=tuple(groups),
        opening=levels.opening,
        conversion=meter.conversion,
    )


def _quantity(aggregation: Aggregation, count: int, value: Sequence[int], levels: Levels) -> Quantity:
    match aggregation:
        case Aggregation.COUNT:
            return Quantity.of(count)
        case Aggregation.UNIQUE:
            return Quantity.of(value[0])
        case Aggregation.MAX | Aggregation.MIN:
            return Quantity.from_atoms(value[0])
        case Aggregation.TIME_WEIGHTED:
            return unit_hours(levels.parts)
        case Aggregation.AVERAGE:
            return average_of(quantity_of(units=value[0], atoms=value[1]), count)
        case Aggregation.SUM | Aggregation.LAST:
            return quantity_of(units=value[0], atoms=value[1]) if count else QUANTITY_ZERO
        case _:
            assert_never(aggregation)


def _overflows(request: UsageRequest, value: Sequence[int], levels: Levels) -> bool:
    """Whether values, amounts or levels add up, signs aside, to what no quantity may reach."""
    if request.breakdown.amount_field is not None and overflows(
        quantity_of(units=value[-2], atoms=value[-1])
    ):
        return True
    if request.meter.aggregation in (Aggregation.SUM, Aggregation.AVERAGE):
        return overflows(quantity_of(units=value[2], atoms=value[3]))
    return level_hours_overflow(levels.magnitude)
