"""Events that may be late for something sealed, by DuckDB over segments and tail: whose, and when.

A segment knows its batches, so it knows which steps of the staircase it may fall under: one that came wholly
before the first cutoff is not opened, and one that came between two of them is asked for one bound of time,
by which Parquet skips what lies behind it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from tieout.aggregate.late import CutoffStep, LateStretch, staircase
from tieout.engines.duckdb_connection import connected
from tieout.engines.duckdb_predicate import Bindings
from tieout.engines.duckdb_result import exact_text_rows, whole
from tieout.kernel.ids import Subject
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest, SegmentFile

TYPES = ("VARCHAR", "INTEGER", "BIGINT", "BIGINT", "BIGINT")


def late_stretches(
    steps: Sequence[CutoffStep],
    manifest: LogManifest,
    *,
    subjects: Collection[Subject] | None = None,
    threads: int | None = None,
) -> list[LateStretch]:
    """By subject and step: of all, or of these. Retracted events too, and those of every type."""
    stairs = [step for step in staircase(steps) if step.cutoff < manifest.watermark]
    if not stairs or (subjects is not None and not subjects):
        return []
    bindings = Bindings()
    chosen = "TRUE" if subjects is None else '"subject" IN (SELECT "subject" FROM chosen)'
    with connected(threads) as connection:
        if subjects is not None:
            connection.register("chosen", pa.table({"subject": pa.array(sorted(subjects), pa.string())}))
        parts = [
            f'SELECT "subject", "time", "batch" FROM {source} WHERE {late} AND {chosen}'  # noqa: S608 (placeholders)
            for source, late in _sources(connection, stairs, manifest, bindings)
        ]
        if not parts:
            return []
        sql = (
            f'SELECT "subject", {_step_sql(stairs, bindings)}, min("time"), max("time"), max("batch") '  # noqa: S608
            f"FROM ({' UNION ALL '.join(parts)}) GROUP BY 1, 2 ORDER BY 1, 2"
        )  # as above
        found = exact_text_rows(connection, sql, bindings.values, TYPES)
    return [
        LateStretch(Subject(str(subject)), Instant(whole(first)), Instant(whole(last)), whole(batch))
        for subject, _, first, last, batch in found
    ]


def _sources(
    connection: DuckDBPyConnection, stairs: Sequence[CutoffStep], manifest: LogManifest, bindings: Bindings
) -> Iterator[tuple[str, str]]:
    """Each part with the condition under which an event of it may be late."""
    together: dict[tuple[object, ...], list[SegmentFile]] = {}
    for segment in manifest.segments:
        last = min(segment.last_batch, manifest.watermark)
        under = _steps_before(stairs, last)
        if segment.first_batch <= manifest.watermark and under:
            key = (segment.type, segment.contract_version, _steps_before(stairs, segment.first_batch), under)
            together.setdefault(key, []).append(segment)
    for (_, _, passed, under), segments in together.items():
        assert isinstance(passed, int) and isinstance(under, int)
        paths = bindings.bind([segment.path for segment in segments])
        yield f"read_parquet({paths})", _late_sql(stairs[:under], passed, manifest, bindings)
    for ordinal, part in enumerate(manifest.tail):
        if part.table.num_rows:
            first = pc.min(part.table["batch"]).as_py()
            connection.register(f"tail_{ordinal}", part.table)
            yield f"tail_{ordinal}", _late_sql(stairs, _steps_before(stairs, first), manifest, bindings)


def _steps_before(stairs: Sequence[CutoffStep], batch: int) -> int:
    """How many steps, from the first on, have a cutoff before the batch."""
    return bisect_left(stairs, batch, key=lambda step: step.cutoff)


def _step_sql(stairs: Sequence[CutoffStep], bindings: Bindings) -> str:
    """The place of the first step that may have sealed the time."""
    cases = (
        f'WHEN "time" < {bindings.bind(int(step.until))} THEN {place}' for place, step in enumerate(stairs)
    )
    return f"CAST(CASE {' '.join(cases)} END AS INTEGER)"


def _late_sql(stairs: Sequence[CutoffStep], passed: int, manifest: LogManifest, bindings: Bindings) -> str:
    """For events of which every one came after the first `passed` steps, and none after others than these."""
    cases = [f'"time" < {bindings.bind(int(stairs[passed - 1].until))}'] if passed else []
    cases += [
        f'("batch" > {bindings.bind(int(step.cutoff))} AND "time" < {bindings.bind(int(step.until))})'
        for step in stairs[passed:]
    ]
    bound = f'"batch" <= {bindings.bind(int(manifest.watermark))} AND "time" < '
    return f"{bound}{bindings.bind(int(stairs[-1].until))} AND ({' OR '.join(cases)})"
