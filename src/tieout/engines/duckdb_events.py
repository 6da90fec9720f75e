"""The events a meter is about, as one DuckDB relation over the segments and the tail of a manifest.

Each event type and contract version has columns of its own, so each is read by a select of its own, which
brings the metered value to two whole numbers: units and atoms of 10^-12. Integers add up exactly in every
width that DuckDB picks; decimals would meet their widest type, and any division would be a DOUBLE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from tieout.aggregate.breakdown import NO_BREAKDOWN, Breakdown
from tieout.contract.meter import Aggregation, Meter
from tieout.engines.duckdb_predicate import Bindings, predicate_sql
from tieout.engines.duckdb_retracted import anything_retracted, id_sql
from tieout.engines.duckdb_values import NO_NUMBER, NO_TEXT, number_sql, text_sql
from tieout.kernel.period import Period
from tieout.ports import LogManifest

TOLD_OF_SEVERAL = ("matched", "excluded", "units", "atoms")


def meter_events_sql(
    connection: DuckDBPyConnection,
    meter: Meter,
    manifest: LogManifest,
    bounds: Period,
    bindings: Bindings,
    breakdown: Breakdown = NO_BREAKDOWN,
) -> str | None:
    """A select of events of the meter's type inside `bounds` as of the watermark; None if no part holds any.

    Columns: source and id (only where something is retracted), subject, time, batch, row, lane_a, lane_b,
    matched BOOLEAN (the filter holds), excluded BOOLEAN (an exclusion holds, or the value is absent), reason
    INTEGER (the place of the first exclusion that holds, the number of exclusions where only the value is
    absent, NULL where not excluded), units BIGINT, atoms BIGINT (the value is units + atoms / 10^12, both of
    its sign; both NULL for a count and for unique), text VARCHAR (the value as it is written, for unique),
    amount_units and amount_atoms likewise for the breakdown's amount field, d0, d1, ... VARCHAR (its
    dimensions). Registers the tail with `connection`.
    """
    selects = [
        _part_sql(
            meter, source, schema, manifest=manifest, bounds=bounds, bindings=bindings, breakdown=breakdown
        )
        for source, schema in _sources(connection, meter, manifest, bindings)
    ]
    return " UNION ALL ".join(selects) if selects else None


def _sources(
    connection: DuckDBPyConnection, meter: Meter, manifest: LogManifest, bindings: Bindings
) -> Iterator[tuple[str, pa.Schema]]:
    by_version: dict[int, list[str]] = {}
    for segment in manifest.segments:
        if segment.type == meter.event and segment.first_batch <= manifest.watermark:
            by_version.setdefault(segment.contract_version, []).append(segment.path)
    for _, paths in sorted(by_version.items()):
        if anything_retracted(manifest):  # ids are needed, and segments of two formats store them otherwise
            schemas = [pq.read_schema(path).remove_metadata() for path in paths]
            yield f"read_parquet({bindings.bind(paths)}, union_by_name = true)", pa.unify_schemas(schemas)
        else:
            yield f"read_parquet({bindings.bind(paths)})", pq.read_schema(paths[0])
    for ordinal, part in enumerate(manifest.tail):
        if part.type == meter.event and part.table.num_rows:
            connection.register(f"tail_{ordinal}", part.table)
            yield f"tail_{ordinal}", part.table.schema


def meters_events_sql(
    connection: DuckDBPyConnection,
    meters: Sequence[Meter],
    manifest: LogManifest,
    bounds: Period,
    bindings: Bindings,
) -> str | None:
    """The same for several meters of one event type at once: matched, excluded, units and atoms of each, with
    its `prefix` before their names. No reasons, texts or breakdowns."""
    selects = []
    for source, schema in _sources(connection, meters[0], manifest, bindings):
        judged: dict[str, str] = {}
        for place, meter in enumerate(meters):
            found = _judged(meter, schema, bindings, NO_BREAKDOWN)
            judged |= {
                prefix(place) + name: found[name] for name in ("matched", "excluded", "units", "atoms")
            }
        selects.append(_select_sql(judged, source, schema, manifest, bounds, bindings))
    return " UNION ALL ".join(selects) if selects else None


def prefix(place: int) -> str:
    """Before the names of what one of several meters makes of an event."""
    return f"m{place}_"


def _part_sql(
    meter: Meter,
    source: str,
    schema: pa.Schema,
    *,
    manifest: LogManifest,
    bounds: Period,
    bindings: Bindings,
    breakdown: Breakdown,
) -> str:
    judged = _judged(meter, schema, bindings, breakdown)
    return _select_sql(judged, source, schema, manifest, bounds, bindings)


def _judged(meter: Meter, schema: pa.Schema, bindings: Bindings, breakdown: Breakdown) -> dict[str, str]:
    """Expressions of what the meter makes of an event, by the names of their columns."""
    values = _values(meter, schema, breakdown)
    matched = predicate_sql(meter.filter, schema, bindings)
    reasons = [predicate_sql(exclusion.where, schema, bindings) for exclusion in meter.exclusions]
    lacking = [f"{values[name]} IS NULL" for name in _needed(meter, breakdown)]
    if lacking:
        reasons.append(" OR ".join(lacking))
    excluded = " OR ".join(f"({reason})" for reason in reasons) if reasons else "FALSE"
    cases = " ".join(f"WHEN {reason} THEN {place}" for place, reason in enumerate(reasons))
    reason = f"CAST(CASE {cases} END AS INTEGER)" if cases else "CAST(NULL AS INTEGER)"
    return {"matched": f"({matched})", "excluded": f"({excluded})", "reason": reason, **values}


def _select_sql(
    judged: dict[str, str],
    source: str,
    schema: pa.Schema,
    manifest: LogManifest,
    bounds: Period,
    bindings: Bindings,
) -> str:
    identity = f'"source", {id_sql(schema.names)} AS "id", ' if anything_retracted(manifest) else ""
    listed = ", ".join(f"{expression} AS {name}" for name, expression in judged.items())
    # Only column names of checked contracts and placeholders are written into the statement.
    return (
        f'SELECT {identity}"subject", "time", "batch", "row", "lane_a", "lane_b", {listed} FROM {source} '  # noqa: S608
        f'WHERE "batch" <= {bindings.bind(int(manifest.watermark))} '
        f'AND "time" >= {bindings.bind(int(bounds.start))} AND "time" < {bindings.bind(int(bounds.end))}'
    )


def _values(meter: Meter, schema: pa.Schema, breakdown: Breakdown) -> dict[str, str]:
    """Expressions of the metered value, and of what the breakdown asks for, by the names of their columns."""
    unique = meter.aggregation is Aggregation.UNIQUE
    numbers = (NO_NUMBER, NO_NUMBER) if unique else number_sql(meter.field, schema)
    amounts = number_sql(breakdown.amount_field, schema)
    return {
        "units": numbers[0],
        "atoms": numbers[1],
        "text": text_sql(meter.field, schema) if unique else NO_TEXT,
        "amount_units": amounts[0],
        "amount_atoms": amounts[1],
        **{f"d{place}": text_sql(name, schema) for place, name in enumerate(breakdown.dimensions)},
    }


def _needed(meter: Meter, breakdown: Breakdown) -> Iterator[str]:
    """The columns of values without which an event is excluded."""
    if meter.aggregation is Aggregation.UNIQUE:
        yield "text"
    elif meter.aggregation is not Aggregation.COUNT:
        yield "units"
    if breakdown.amount_field is not None:
        yield "amount_units"
