"""What was accepted from a source in each window of its control totals: counts and exact sums, by DuckDB.

One query for all windows of one event type and field. A value is two whole numbers, units and atoms, as in
every other query; an event without the field adds nothing to the sum. What was taken back is told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import exact_rows, quantity_of, whole
from tieout.engines.duckdb_retracted import id_sql, register_retracted
from tieout.ingest.control_total import Accepted, ControlTotal
from tieout.kernel.quantity import ATOMS_PER_UNIT, QUANTITY_ZERO
from tieout.ports import LogManifest
from tieout.table.layout import FIELD_PREFIX, ColumnKind, layout_of

TYPES = ("INTEGER", "BIGINT", "BIGINT", *("HUGEINT",) * 4)


def source_totals(
    stated: Sequence[ControlTotal], manifest: LogManifest, *, threads: int | None
) -> list[Accepted]:
    """One answer for each statement, in their order. Times are those in the events."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for place, total in enumerate(stated):
        groups.setdefault((total.type, total.field), []).append(place)
    found: dict[int, Accepted] = {}
    with connected(threads) as connection:
        for (event_type, field), places in groups.items():
            windows = [stated[place] for place in places]
            for number, *counts in _rows(connection, event_type, field, windows, manifest):
                found[places[number or 0]] = _accepted(counts, with_total=field is not None)
    return [
        found.get(place, Accepted(0, None if total.field is None else QUANTITY_ZERO))
        for place, total in enumerate(stated)
    ]


def _accepted(counts: Sequence[int | None], *, with_total: bool) -> Accepted:
    events, gone, units, atoms, gone_units, gone_atoms = (whole(count) for count in counts)
    if not with_total:
        return Accepted(events, None, gone)
    total, gone_total = quantity_of(units=units, atoms=atoms), quantity_of(units=gone_units, atoms=gone_atoms)
    return Accepted(events, total, gone, gone_total)


def _rows(
    connection: DuckDBPyConnection,
    event_type: str,
    field: str | None,
    windows: Sequence[ControlTotal],
    manifest: LogManifest,
) -> list[tuple[int | None, ...]]:
    bindings = Bindings()
    upto = bindings.bind(int(manifest.watermark))
    parts = [
        f'SELECT source, {id_sql(schema.names)} AS id, "time", {_value_sql(field, schema)} FROM {place} '  # noqa: S608 (checked names and placeholders)
        f'WHERE "batch" <= {upto}'
        for place, schema in _parts(connection, event_type, manifest, bindings)
    ]
    if not parts:
        return []
    table = pa.table(
        {
            "number": pa.array(range(len(windows)), pa.int32()),
            "sender": pa.array([window.source for window in windows], pa.string()),
            "opens": pa.array([window.start for window in windows], pa.int64()),
            "closes": pa.array([window.end for window in windows], pa.int64()),
        }
    )
    connection.register("windows", table)
    retracted = register_retracted(connection, manifest)
    sums = [
        f"coalesce(CAST(sum({column}) {which} AS HUGEINT), 0)"
        for which in ("", "FILTER (WHERE gone)")
        for column in ("units", "atoms")
    ]
    sql = (
        f"SELECT number, count(*), count(*) FILTER (WHERE gone), {', '.join(sums)} FROM ("  # noqa: S608 (as above)
        f"SELECT events.*, {retracted.flag} AS gone FROM ({' UNION ALL '.join(parts)}) AS events "
        f"{retracted.join}) AS events "
        'JOIN windows ON source = sender AND "time" >= opens AND "time" < closes GROUP BY number'
    )
    return exact_rows(connection, sql, bindings.values, TYPES)


def _parts(
    connection: DuckDBPyConnection, event_type: str, manifest: LogManifest, bindings: Bindings
) -> Iterator[tuple[str, pa.Schema]]:
    by_version: dict[int, list[str]] = {}
    for segment in manifest.segments:
        if segment.type == event_type and segment.first_batch <= manifest.watermark:
            by_version.setdefault(segment.contract_version, []).append(segment.path)
    for _, paths in sorted(by_version.items()):
        yield f"read_parquet({bindings.bind(paths)})", pq.read_schema(paths[0])
    for ordinal, part in enumerate(manifest.tail):
        if part.type == event_type and part.table.num_rows:
            connection.register(f"tail_{ordinal}", part.table)
            yield f"tail_{ordinal}", part.table.schema


def _value_sql(field: str | None, schema: pa.Schema) -> str:
    """Two columns, units and atoms; NULL where the version does not declare the field as a number."""
    kind = dict(layout_of(schema)).get(field or "")
    quoted = f'"{FIELD_PREFIX}{field}"'
    if kind is ColumnKind.DECIMAL:
        rest = f"({quoted} - trunc({quoted})) * {ATOMS_PER_UNIT}"
        return f"CAST(trunc({quoted}) AS BIGINT) AS units, CAST({rest} AS BIGINT) AS atoms"
    if kind is ColumnKind.INTEGER:
        return f"{quoted} AS units, CAST(0 AS BIGINT) AS atoms"
    return "CAST(NULL AS BIGINT) AS units, CAST(NULL AS BIGINT) AS atoms"
