"""Received = dispositions: what each commit counted, against what is stored, by DuckDB over segments, tail
and the log's own tables. It shares nothing with the commit that made the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from duckdb import DuckDBPyConnection

from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import exact_text_rows, whole
from tieout.ingest.verdict import Verdict
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest
from tieout.ports.dispositions import DispositionDifference, Dispositions

DIFFERENCES_MAX: Final = 100
TYPES: Final = ("BIGINT", "VARCHAR", "BIGINT", "INTEGER", "BIGINT", "BIGINT")
NO_EVENTS: Final = (
    'SELECT CAST(NULL AS BIGINT) AS "batch", CAST(NULL AS INTEGER) AS "row", '
    "CAST(NULL AS VARCHAR) AS source WHERE FALSE"
)


def differing_dispositions(
    manifest: LogManifest, told: Dispositions, *, threads: int | None
) -> list[DispositionDifference]:
    """By batch, source and verdict, at most DIFFERENCES_MAX; none where every batch ties."""
    with connected(threads) as connection:
        bindings = Bindings()
        parts = list(_parts(connection, manifest, bindings))
        events, bound = (" UNION ALL ".join(parts), bindings.values) if parts else (NO_EVENTS, {})
        for name in ("received", "kept", "duplicates", "batches"):
            connection.register(name, getattr(told, name))
        connection.execute(
            'CREATE TEMP TABLE accepted AS SELECT "batch", source, count(*) AS items '  # noqa: S608 (constants and placeholders)
            f"FROM ({events}) GROUP BY ALL",
            bound,
        )
        repeated = NO_EVENTS
        if told.duplicates.num_rows:
            repeated = (
                'SELECT events."batch", events."row", events.source '  # noqa: S608 (as above)
                f"FROM ({events}) AS events SEMI JOIN duplicates "
                'ON events."batch" = first_batch AND events."row" = first_row'
            )
        else:
            bound = {}
        rows = exact_text_rows(connection, _sql(repeated), bound, TYPES)
    return [
        DispositionDifference(
            None if source is None else str(source),
            Instant(whole(hour)),
            whole(batch),
            None if verdict is None else Verdict(whole(verdict)),
            whole(received),
            whole(stored),
        )
        for batch, source, hour, verdict, received, stored in rows
    ]


def _sql(repeated: str) -> str:
    """Both sides added up with opposite places, so that one pass tells where they differ."""
    columns = '"batch", source, hour, verdict'
    return f"""
    WITH firsts AS ({repeated}),
    sides AS (
        SELECT {columns}, items AS received, 0 AS stored FROM received
        UNION ALL SELECT {columns}, 0, items FROM kept
        UNION ALL SELECT a."batch", a.source, b.hour, {int(Verdict.ACCEPTED)}, 0, a.items
            FROM accepted AS a LEFT JOIN batches AS b ON a."batch" = b."batch"
        UNION ALL SELECT d."batch", f.source, d.hour, {int(Verdict.DUPLICATE)}, 0, 1
            FROM duplicates AS d LEFT JOIN firsts AS f
            ON d.first_batch = f."batch" AND d.first_row = f."row"
        UNION ALL SELECT "batch", NULL, hour, NULL, received, refused FROM batches
        UNION ALL SELECT a."batch", NULL, b.hour, NULL, 0, a.items
            FROM accepted AS a LEFT JOIN batches AS b ON a."batch" = b."batch"
    )
    SELECT "batch", source, coalesce(hour, CAST(0 AS BIGINT)), CAST(verdict AS INTEGER),
        CAST(sum(received) AS BIGINT), CAST(sum(stored) AS BIGINT)
    FROM sides GROUP BY "batch", source, hour, verdict HAVING sum(received) <> sum(stored)
    ORDER BY "batch", source NULLS FIRST, verdict NULLS FIRST LIMIT {DIFFERENCES_MAX}
    """  # noqa: S608 (constants and placeholders)


def _parts(connection: DuckDBPyConnection, manifest: LogManifest, bindings: Bindings) -> Iterator[str]:
    """Places and sources of the accepted events up to the watermark: segments of one layout together."""
    upto = bindings.bind(int(manifest.watermark))
    layouts: dict[tuple[str, int], list[str]] = {}
    for part in manifest.segments:
        if part.first_batch <= manifest.watermark:
            layouts.setdefault((part.type, part.contract_version), []).append(part.path)
    chosen = 'SELECT "batch", "row", source'
    for _, paths in sorted(layouts.items()):
        yield f'{chosen} FROM read_parquet({bindings.bind(paths)}) WHERE "batch" <= {upto}'
    for ordinal, tail in enumerate(manifest.tail):
        if tail.table.num_rows:
            connection.register(f"tail_{ordinal}", tail.table.select(["batch", "row", "source"]))
            yield f'{chosen} FROM tail_{ordinal} WHERE "batch" <= {upto}'
