"""The numbers that sources give their events, as runs, by one DuckDB query over segments and tail.

The attributes are a canonical JSON object; a number is read from it only where a regular expression has seen
nothing but digits, so the engine casts no text that it could read in another way.
"""

from __future__ import annotations

from collections.abc import Iterator

from duckdb import DuckDBPyConnection

from tieout.engines.duckdb_engine import connected
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import UnexpectedResultType
from tieout.ingest.sequence import SEQUENCE_DIGITS_MAX, SEQUENCE_TYPE, Range, SequenceRuns, ranges_of_ranges
from tieout.ports import LogManifest

TYPES = ("VARCHAR", "INTEGER", "BIGINT", "BIGINT", "BIGINT")
PRESENT, REPEATED, UNREADABLE = 0, 1, 2
HAS_ONE = """attributes LIKE '%"sequence":%'"""
TEXT = "json_extract_string(attributes, '$.sequence')"
TYPE = "coalesce(json_extract_string(attributes, '$.sequencetype'), $type)"
SEEN = f"""
WITH seen AS (
  SELECT source, CASE WHEN {TYPE} = $type AND regexp_full_match({TEXT}, '[0-9]{{1,{SEQUENCE_DIGITS_MAX}}}')
                      THEN CAST({TEXT} AS BIGINT) END AS number
  FROM (%s) WHERE json_extract(attributes, '$.sequence') IS NOT NULL
), counted AS (
  SELECT source, number, count(*) AS events FROM seen WHERE number IS NOT NULL GROUP BY source, number
), runs AS (
  SELECT source, number, number - row_number() OVER (PARTITION BY source ORDER BY number) AS run FROM counted
), repeats AS (
  SELECT source, number, events - 1 AS more,
         number - row_number() OVER (PARTITION BY source ORDER BY number) AS run FROM counted WHERE events > 1
)
SELECT source, {PRESENT} AS kind, min(number), max(number), CAST(0 AS BIGINT) FROM runs GROUP BY source, run
UNION ALL
SELECT source, {REPEATED}, min(number), max(number), CAST(sum(more) AS BIGINT) FROM repeats
GROUP BY source, run
UNION ALL
SELECT source, {UNREADABLE}, CAST(0 AS BIGINT), CAST(0 AS BIGINT), count(*) FROM seen WHERE number IS NULL
GROUP BY source
"""  # noqa: S608 (constants and placeholders)
"""`%s` selects source and attributes (NULL, or JSON) of accepted events; every other value is bound."""


def sequence_runs(
    manifest: LogManifest, source: str | None, *, threads: int | None
) -> tuple[SequenceRuns, ...]:
    """Of every source whose accepted events carry a `sequence`, or of one; by name."""
    with connected(threads) as connection:
        rows = _rows(connection, manifest, source)
    present: dict[str, list[Range]] = {}
    repeated: dict[str, list[Range]] = {}
    repeats: dict[str, int] = {}
    unreadable: dict[str, int] = {}
    for name, kind, first, last, events in rows:
        present.setdefault(name, [])
        if kind == PRESENT:
            present[name].append((first, last))
        elif kind == REPEATED:
            repeated.setdefault(name, []).append((first, last))
            repeats[name] = repeats.get(name, 0) + events
        else:
            unreadable[name] = events
    return tuple(
        SequenceRuns(
            name,
            ranges_of_ranges(present[name]),
            ranges_of_ranges(repeated.get(name, [])),
            repeats.get(name, 0),
            unreadable.get(name, 0),
        )
        for name in sorted(present)
    )


def _places(connection: DuckDBPyConnection, manifest: LogManifest, bindings: Bindings) -> Iterator[str]:
    """Segments of one layout together, then the tail."""
    layouts: dict[tuple[str, int], list[str]] = {}
    for part in manifest.segments:
        if part.first_batch <= manifest.watermark:
            layouts.setdefault((part.type, part.contract_version), []).append(part.path)
    for _, paths in sorted(layouts.items()):
        yield f"read_parquet({bindings.bind(paths)})"
    for ordinal, tail in enumerate(manifest.tail):
        if tail.table.num_rows:
            connection.register(f"tail_{ordinal}", tail.table.select(["batch", "source", "attributes"]))
            yield f"tail_{ordinal}"


def _rows(
    connection: DuckDBPyConnection, manifest: LogManifest, source: str | None
) -> list[tuple[str, int, int, int, int]]:
    bindings = Bindings({"type": SEQUENCE_TYPE})
    narrow = "" if source is None else f" AND source = {bindings.bind(source)}"
    upto = bindings.bind(int(manifest.watermark))
    chosen = f"""SELECT source, CASE WHEN {HAS_ONE} THEN attributes END AS attributes"""
    where = f'WHERE "batch" <= {upto} AND {HAS_ONE}{narrow}'
    parts = [f"{chosen} FROM {place} {where}" for place in _places(connection, manifest, bindings)]
    if not parts:
        return []
    connection.execute(SEEN % " UNION ALL ".join(parts), bindings.values)
    found = [str(column[1]) for column in connection.description or ()]
    if found != list(TYPES):
        raise UnexpectedResultType(found, TYPES)
    return connection.fetchall()
