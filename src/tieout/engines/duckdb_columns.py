"""What DuckDB adds up for a snapshot, each with the type it must give, and the spans it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation
from tieout.kernel.quantity import ATOMS_PER_UNIT

Column = tuple[str, str]
"""An expression, and its type."""
ORDER = '{t: "time", b: "batch", r: "row"}'


def kept(prefix: str = "") -> str:
    """Which events count, for the meter whose columns have that prefix; without one, all are matched."""
    return f"FILTER (WHERE {_matched(prefix)}NOT {prefix}excluded AND NOT retracted)"


def _matched(prefix: str) -> str:
    return f"{prefix}matched AND " if prefix else ""


def columns_of_all(prefix: str = "") -> tuple[Column, ...]:
    """What every snapshot needs: its request first."""
    of = kept(prefix)
    return (
        ("request", "INTEGER"),
        (f"count(*) {of}", "BIGINT"),
        (f"count(*) FILTER (WHERE {_matched(prefix)}{prefix}excluded AND NOT retracted)", "BIGINT"),
        (f"count(*) FILTER (WHERE {_matched(prefix)}retracted AND NOT {prefix}excluded)", "BIGINT"),
        (f"sum(lane_a) {of}", "HUGEINT"),
        (f"sum(lane_b) {of}", "HUGEINT"),
    )


def columns_of(aggregation: Aggregation, prefix: str = "") -> tuple[Column, ...]:
    """What the aggregation needs beside them. A value in atoms is below 10^30, and a HUGEINT holds 10^38."""
    of, units, atoms = kept(prefix), f"{prefix}units", f"{prefix}atoms"
    value = f"CAST({units} AS HUGEINT) * {ATOMS_PER_UNIT} + {atoms}"
    match aggregation:
        case Aggregation.SUM | Aggregation.AVERAGE:
            added = (units, atoms, f"abs({units})", f"abs({atoms})")
            return tuple((f"sum({each}) {of}", "HUGEINT") for each in added)
        case Aggregation.LAST:
            return tuple((f"arg_max({each}, {ORDER}) {of}", "BIGINT") for each in (units, atoms))
        case Aggregation.MAX | Aggregation.MIN:
            return ((f"{aggregation.value}({value}) {of}", "HUGEINT"),)
        case Aggregation.UNIQUE:
            return ((f"count(DISTINCT {prefix}text) {of}", "BIGINT"),)
        case Aggregation.COUNT | Aggregation.TIME_WEIGHTED:
            return ()


def span_table(requests: Sequence[UsageRequest]) -> pa.Table:
    spans = [(number, span) for number, request in enumerate(requests) for span in request.spans]
    return pa.table(
        {
            "request": pa.array([number for number, _ in spans], pa.int32()),
            "subject": pa.array([span.subject for _, span in spans], pa.string()),
            "opens": pa.array([span.start for _, span in spans], pa.int64()),
            "closes": pa.array([span.end for _, span in spans], pa.int64()),
        }
    )
