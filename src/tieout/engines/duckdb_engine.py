"""Snapshots at scale: one DuckDB query per meter version over all its requests, equal digit for digit to
`aggregate.measure`. The engine holds no state; every call reads the manifest it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.sum import overflows
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.engines.duckdb_events import meter_events_sql
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import Row, exact_rows
from tieout.engines.duckdb_retracted import register_retracted
from tieout.kernel.digest import LANE_MODULUS, Fingerprint
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import ATOMS_PER_UNIT, QUANTITY_ZERO, Quantity, QuantityOverflow
from tieout.ports import LogManifest

Measured = Snapshot | QuantityOverflow

KEPT = "FILTER (WHERE NOT excluded AND NOT retracted)"
ORDER = '{t: "time", b: "batch", r: "row"}'
COLUMNS = {
    Aggregation.COUNT: (),
    Aggregation.SUM: (
        (f"sum(units) {KEPT}", "HUGEINT"),
        (f"sum(atoms) {KEPT}", "HUGEINT"),
        (f"sum(abs(units)) {KEPT}", "HUGEINT"),
        (f"sum(abs(atoms)) {KEPT}", "HUGEINT"),
    ),
    Aggregation.LAST: (
        (f"arg_max(units, {ORDER}) {KEPT}", "BIGINT"),
        (f"arg_max(atoms, {ORDER}) {KEPT}", "BIGINT"),
    ),
}
COLUMNS_OF_ALL = (
    ("request", "INTEGER"),
    (f"count(*) {KEPT}", "BIGINT"),
    ("count(*) FILTER (WHERE excluded AND NOT retracted)", "BIGINT"),
    ("count(*) FILTER (WHERE retracted AND NOT excluded)", "BIGINT"),
    (f"sum(lane_a) {KEPT}", "HUGEINT"),
    (f"sum(lane_b) {KEPT}", "HUGEINT"),
)
"""What every snapshot needs, then what its aggregation does; each with the exact type DuckDB must give it."""


class DuckEngine:
    """`UsageEngine` on DuckDB. `threads` None leaves the number to DuckDB: all cores."""

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads

    def measure(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Snapshot]:
        """One snapshot per request, in order. Raises `QuantityOverflow` for the first that overflows."""
        snapshots = []
        for measured in self.measure_each(requests, manifest):
            if isinstance(measured, QuantityOverflow):
                raise measured
            snapshots.append(measured)
        return snapshots

    def measure_each(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Measured]:
        """A snapshot per request, in order, or the overflow that parks its account alone."""
        answers: list[Measured | None] = [None] * len(requests)
        groups: dict[Meter, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(request.meter, []).append(place)
        with connected(self._threads) as connection:
            for places in groups.values():
                group = [requests[place] for place in places]
                for place, answer in zip(places, _measure_group(connection, group, manifest), strict=True):
                    answers[place] = answer
        return [answer for answer in answers if answer is not None]


@contextmanager
def connected(threads: int | None) -> Iterator[DuckDBPyConnection]:
    """An empty in-memory DuckDB that loads nothing from the network."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        },
    )
    if threads is not None:
        connection.execute(f"SET threads TO {threads:d}")
    try:
        yield connection
    finally:
        connection.close()


def _measure_group(
    connection: DuckDBPyConnection, requests: Sequence[UsageRequest], manifest: LogManifest
) -> list[Measured]:
    """All requests of one meter version, by one query."""
    rows = {row[0]: row for row in _rows(connection, requests, manifest)}
    return [
        _snapshot(request, manifest.watermark, rows.get(number)) for number, request in enumerate(requests)
    ]


def _rows(
    connection: DuckDBPyConnection, requests: Sequence[UsageRequest], manifest: LogManifest
) -> list[Row]:
    meter: Meter = requests[0].meter
    spans = [(number, span) for number, request in enumerate(requests) for span in request.spans]
    if not spans:
        return []
    start = min(span.start for _, span in spans)
    end = max(span.end for _, span in spans)
    bindings = Bindings()
    events = meter_events_sql(connection, meter, manifest, Period(Instant(start), Instant(end)), bindings)
    if events is None:
        return []
    table = pa.table(
        {
            "request": pa.array([number for number, _ in spans], pa.int32()),
            "subject": pa.array([span.subject for _, span in spans], pa.string()),
            "opens": pa.array([span.start for _, span in spans], pa.int64()),
            "closes": pa.array([span.end for _, span in spans], pa.int64()),
        }
    )
    connection.register("spans", table)
    retracted = register_retracted(connection, manifest)
    columns = (*COLUMNS_OF_ALL, *COLUMNS[meter.aggregation])
    sql = (
        f"SELECT {', '.join(expression for expression, _ in columns)} "  # noqa: S608 (constants and placeholders)
        f"FROM (SELECT events.*, request, {retracted.flag} AS retracted FROM ({events}) AS events JOIN spans "
        'ON events."subject" = spans."subject" AND events."time" >= opens AND events."time" < closes '
        f"{retracted.join}) WHERE matched GROUP BY request"
    )
    return exact_rows(connection, sql, bindings.values, [type_ for _, type_ in columns])


def _snapshot(request: UsageRequest, watermark: Watermark, row: Row | None) -> Measured:
    meter = request.meter
    numbers = [0] * 10 if row is None else [number or 0 for number in row]
    count, excluded, retracted, lane_a, lane_b, *value = numbers[1:]
    if meter.aggregation is Aggregation.COUNT:
        quantity = Quantity.of(count)
    elif count == 0:
        quantity = QUANTITY_ZERO
    else:
        quantity = Quantity.from_atoms(value[0] * ATOMS_PER_UNIT + value[1])
    if meter.aggregation is Aggregation.SUM:
        magnitude = Quantity.from_atoms(value[2] * ATOMS_PER_UNIT + value[3])
        if overflows(magnitude):
            return QuantityOverflow(request.name)
    return Snapshot(
        meter=meter.key,
        meter_version=meter.version,
        meter_digest=meter.digest,
        unit=meter.unit,
        subscription=request.subscription,
        customer=request.customer,
        period=request.period,
        watermark=watermark,
        quantity=quantity,
        event_count=count,
        fingerprint=Fingerprint(count, lane_a % LANE_MODULUS, lane_b % LANE_MODULUS),
        excluded_count=excluded,
        retracted_count=retracted,
    )
