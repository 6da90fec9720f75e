# ruff: noqa: S608 (numbers, names of fields that a contract allows, and subjects with their quotes doubled)
"""The SQL that derives a snapshot's quantity again in stock DuckDB, from the Parquet file and from the CSV.

It is run in the folder of the snapshot: `duckdb < quantity.sql`. Everything is exact: sums are of DECIMAL,
and a division is one of whole numbers of 10^-12, rounded half away from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieout.aggregate.window import ClippedSpan
from tieout.contract.meter import Aggregation, Meter
from tieout.evidence.stored import StoredSnapshot

FILES: Final = {
    "parquet": "read_parquet('{name}.parquet')",
    "csv": (
        "read_csv('{name}.csv', header = true, delim = ',', quote = '\"', escape = '\"', "
        "all_varchar = true, nullstr = '', allow_quoted_nulls = false)"
    ),
}
DECIMAL: Final = "DECIMAL(38, 12)"
HOUR_MICROSECONDS: Final = 3_600_000_000


def quantity_sql(
    snapshot: StoredSnapshot, meter: Meter, spans: Sequence[ClippedSpan], *, has_opening: bool
) -> str:
    """One statement that lists what both files come to beside what was stated, and one that compares them."""
    lines = [
        f"-- {snapshot.meter} version {snapshot.meter_version}: {meter.aggregation.value}"
        f"{'' if meter.field is None else f' of {_comment(meter.field)}'}, in {_comment(meter.unit)}.",
        "-- Run in this folder: duckdb < quantity.sql. Every answer in the column `agrees` must be true.",
    ]
    for kind in FILES:
        lines += _view(kind, "events") + (_view(kind, "opening") if has_opening else [])
    answers = [_answer(kind, snapshot, meter, spans, has_opening=has_opening) for kind in FILES]
    lines += ["\nUNION ALL\n".join(answers) + ";", _same_rows()]
    return "\n".join(lines) + "\n"


def _view(kind: str, name: str) -> list[str]:
    source = FILES[kind].format(name=name)
    numbers = ", ".join(f"CAST({each} AS BIGINT) AS {each}" for each in ('"batch"', '"row"', '"time"'))
    return [f"CREATE TEMP VIEW {name}_{kind} AS SELECT * REPLACE ({numbers}) FROM {source};"]


def _answer(
    kind: str, snapshot: StoredSnapshot, meter: Meter, spans: Sequence[ClippedSpan], *, has_opening: bool
) -> str:
    quantity = _quantity(kind, snapshot, meter, spans, has_opening=has_opening)
    stated = f"CAST('{snapshot.quantity}' AS {DECIMAL})"
    count = f"(SELECT count(*) FROM events_{kind})"
    return (
        f"SELECT '{kind}' AS file, quantity, {stated} AS stated_quantity, {count} AS events, "
        f"{snapshot.event_count} AS stated_events, "
        f"quantity = {stated} AND {count} = {snapshot.event_count} AS agrees\nFROM ({quantity})"
    )


def _quantity(
    kind: str, snapshot: StoredSnapshot, meter: Meter, spans: Sequence[ClippedSpan], *, has_opening: bool
) -> str:
    table, field = f"events_{kind}", f'"f_{meter.field}"'
    number = f"CAST({field} AS {DECIMAL})"
    match meter.aggregation:
        case Aggregation.COUNT:
            chosen = "count(*)"
        case Aggregation.TIME_WEIGHTED:
            return _time_weighted(kind, field, spans, snapshot, has_opening=has_opening)
        case _ if snapshot.event_count == 0:
            return f"SELECT CAST(0 AS {DECIMAL}) AS quantity"
        case Aggregation.SUM:
            chosen = f"sum({number})"
        case Aggregation.MAX | Aggregation.MIN:
            chosen = f"{meter.aggregation.value}({number})"
        case Aggregation.UNIQUE:
            chosen = f"count(DISTINCT {field})"
        case Aggregation.LAST:
            last = '"time" DESC, "batch" DESC, "row" DESC'
            return f"SELECT {number} AS quantity FROM {table} ORDER BY {last} LIMIT 1"
        case Aggregation.AVERAGE:
            atoms = f"CAST(sum({number}) * 1000000000000 AS HUGEINT)"
            return f"SELECT {_divided(atoms, 'CAST(count(*) AS HUGEINT)')} AS quantity FROM {table}"
    return f"SELECT CAST({chosen} AS {DECIMAL}) AS quantity FROM {table}"


def _time_weighted(
    kind: str, field: str, spans: Sequence[ClippedSpan], snapshot: StoredSnapshot, *, has_opening: bool
) -> str:
    """Each level holds until the next event of its subject or the end of the span."""
    if snapshot.event_count == 0 and not has_opening:
        return f"SELECT CAST(0 AS {DECIMAL}) AS quantity"
    level = f"CAST(CAST({field} AS {DECIMAL}) * 1000000000000 AS HUGEINT)"
    columns = f'"subject", "time", "batch", "row", {level} AS level'
    files = ["opening", "events"] if has_opening else ["events"]
    files = [name for name in files if name == "opening" or snapshot.event_count]
    states = " UNION ".join(f"SELECT {columns} FROM {name}_{kind}" for name in files)
    rows = ", ".join(
        f"({place}, '{span.subject.replace(chr(39), chr(39) * 2)}', {span.start}, {span.end})"
        for place, span in enumerate(spans)
    )
    order = '"time", "batch", "row"'
    backwards = '"time" DESC, "batch" DESC, "row" DESC'
    before = f'PARTITION BY place, "time" < opens ORDER BY {backwards}'
    return (
        f"WITH spans(place, subject, opens, closes) AS (VALUES {rows}), states AS ({states}),\n"
        f'held AS (SELECT spans.*, states."time", states."batch", states."row", states.level FROM spans JOIN '
        f'states ON states."subject" = spans.subject AND states."time" < closes\n'
        f'QUALIFY "time" >= opens OR row_number() OVER ({before}) = 1),\n'
        f'parts AS (SELECT level * (lead("time", 1, closes) OVER (PARTITION BY place ORDER BY {order}) - '
        f'greatest("time", opens)) AS part FROM held)\n'
        f"SELECT {_divided('coalesce(sum(part), 0)', str(HOUR_MICROSECONDS))} AS quantity FROM parts"
    )


def _divided(atoms: str, by: str) -> str:
    """Whole numbers, half away from zero, as a decimal."""
    whole = f"CAST({atoms} AS HUGEINT)"
    rounded = f"sign({whole}) * ((2 * abs({whole}) + {by}) // (2 * {by}))"
    return f"CAST(CAST({rounded} AS DECIMAL(38, 0)) AS {DECIMAL}) / 1000000000000"


def _same_rows() -> str:
    """Both files hold the same events, column by column."""
    one = "SELECT COLUMNS(*)::VARCHAR FROM events_{}"
    left, right = (one.format(kind) for kind in FILES)
    one_way, other_way = (
        f"(SELECT count(*) FROM (({some}) EXCEPT ALL ({others})))"
        for some, others in ((left, right), (right, left))
    )
    return (
        "SELECT 'both files' AS compared, different_rows, different_rows = 0 AS agrees\n"
        f"FROM (SELECT {one_way} + {other_way} AS different_rows);"
    )


def _comment(text: str) -> str:
    """A stranger's text stays on its line."""
    return text if text.isprintable() else ascii(text)
