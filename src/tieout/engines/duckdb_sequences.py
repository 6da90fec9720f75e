"""The numbers that sources give their events, as runs: read by DuckDB over segments and tail, put together by
numpy.

The attributes are a canonical JSON object; a number is read from it only where a regular expression has seen
nothing but digits, so the engine casts no text that it could read in another way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from duckdb import DuckDBPyConnection

from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import UnexpectedResultType, exact_rows, whole
from tieout.ingest.sequence import SEQUENCE_DIGITS_MAX, SEQUENCE_TYPE, Ranges, SequenceRuns
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest

TYPES = ("INTEGER", "BIGINT")
NO_NUMBER = -1
"""Stands for a `sequence` that is no number; numbers are not negative."""
HAS_ONE = """attributes LIKE '%"sequence":%'"""
TEXT = "json_extract_string(attributes, '$.sequence')"
TYPE = "coalesce(json_extract_string(attributes, '$.sequencetype'), $type)"
NUMBER = f"""
CASE WHEN {TYPE} = $type AND regexp_full_match({TEXT}, '[0-9]{{1,{SEQUENCE_DIGITS_MAX}}}')
THEN CAST({TEXT} AS BIGINT) ELSE CAST({NO_NUMBER} AS BIGINT) END
"""


def sequence_runs(
    manifest: LogManifest, source: str | None, *, threads: int | None
) -> tuple[SequenceRuns, ...]:
    """Of every source whose accepted events carry a `sequence`, or of one; by name.

    Memory: 12 bytes for each number, while they are sorted.
    """
    with connected(threads) as connection:
        bindings = Bindings()
        parts = _parts(connection, manifest, source, bindings)
        if not parts:
            return ()
        events = " UNION ALL ".join(parts)
        found = connection.execute(f"SELECT DISTINCT source FROM ({events})", bindings.values)  # noqa: S608 (constants and placeholders)
        names = sorted(name for (name,) in found.fetchall())
        codes, numbers = _numbers(connection, events, names, bindings)
    order = np.lexsort((numbers, codes))
    codes, numbers = codes[order], numbers[order]
    bounds = np.searchsorted(codes, np.arange(len(names) + 1)).tolist()
    runs = [_runs(name, numbers[bounds[code] : bounds[code + 1]]) for code, name in enumerate(names)]
    return tuple(each for each in runs if each is not None)


def times_of_numbers(
    manifest: LogManifest, source: str, numbers: Sequence[int], *, threads: int | None
) -> dict[int, tuple[Instant, Instant]]:
    """The first and last event time of the source's events with each of these numbers."""
    with connected(threads) as connection:
        bindings = Bindings()
        parts = _parts(connection, manifest, source, bindings, ', "time"')
        if not parts:
            return {}
        connection.register("asked", pa.table({"asked_number": pa.array(numbers, pa.int64())}))
        bindings.values["type"] = SEQUENCE_TYPE
        sql = (
            f'SELECT number, min("time"), max("time") FROM (SELECT {NUMBER} AS number, "time" '  # noqa: S608 (constants and placeholders)
            f"FROM ({' UNION ALL '.join(parts)}) AS events "
            "WHERE json_extract(attributes, '$.sequence') IS NOT NULL) AS numbered "
            "SEMI JOIN asked ON number = asked_number GROUP BY number"
        )
        rows = exact_rows(connection, sql, bindings.values, ("BIGINT", "BIGINT", "BIGINT"))
    return {whole(number): (Instant(whole(first)), Instant(whole(last))) for number, first, last in rows}


def _parts(
    connection: DuckDBPyConnection,
    manifest: LogManifest,
    source: str | None,
    bindings: Bindings,
    more: str = "",
) -> list[str]:
    """Selects of source and attributes (and more columns) of the accepted events that may have a number."""
    narrow = "" if source is None else f" AND source = {bindings.bind(source)}"
    where = f'WHERE "batch" <= {bindings.bind(int(manifest.watermark))} AND {HAS_ONE}{narrow}'
    chosen = f"SELECT source, CASE WHEN {HAS_ONE} THEN attributes END AS attributes{more}"
    return [f"{chosen} FROM {place} {where}" for place in _places(connection, manifest, bindings)]


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
            connection.register(
                f"tail_{ordinal}", tail.table.select(["batch", "source", "attributes", "time"])
            )
            yield f"tail_{ordinal}"


def _numbers(
    connection: DuckDBPyConnection, events: str, names: list[str], bindings: Bindings
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """(place of the source in `names`, number) of every event that has a `sequence`."""
    columns = {"name": pa.array(names, pa.string()), "code": pa.array(range(len(names)), pa.int32())}
    connection.register("names", pa.table(columns))
    bindings.values["type"] = SEQUENCE_TYPE
    sql = (
        f"SELECT code, {NUMBER} AS number FROM ({events}) AS events JOIN names ON source = name "  # noqa: S608 (as above)
        "WHERE json_extract(attributes, '$.sequence') IS NOT NULL"
    )
    connection.execute(sql, bindings.values)
    found = [str(column[1]) for column in connection.description or ()]
    if found != list(TYPES):
        raise UnexpectedResultType(found, TYPES)
    columns = connection.fetchnumpy()
    return np.asarray(columns["code"]), np.asarray(columns["number"])


def _runs(name: str, ordered: npt.NDArray[np.int64]) -> SequenceRuns | None:
    """`ordered`: the numbers of one source's events in ascending order, NO_NUMBER first."""
    if not len(ordered):
        return None
    unreadable = int(np.searchsorted(ordered, 0))
    numbers, events = np.unique(ordered[unreadable:], return_counts=True)
    return SequenceRuns(
        source=name,
        present=_ranges(numbers),
        repeated=_ranges(numbers[events > 1]),
        repeats=int(events.sum()) - len(numbers),
        unreadable=unreadable,
    )


def _ranges(numbers: npt.NDArray[np.int64]) -> Ranges:
    """Numbers in ascending order as ranges."""
    if not len(numbers):
        return ()
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    firsts = numbers[np.concatenate(([0], breaks + 1))].tolist()
    lasts = numbers[np.concatenate((breaks, [len(numbers) - 1]))].tolist()
    return tuple(zip(firsts, lasts, strict=True))
