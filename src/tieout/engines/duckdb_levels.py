"""Time-weighted usage by DuckDB: each stated level times the microseconds for which it held, per request.

A product of level and duration can pass every width, so durations go in two limbs of 32 bits: the sum of ten
thousand million events of the greatest level still fits a HUGEINT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from tieout.aggregate.time_weighted import Opening
from tieout.engines.duckdb_predicate import Bound
from tieout.engines.duckdb_result import exact_rows, exact_text_rows, quantity_of, whole
from tieout.kernel.ids import Position, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import ATOMS_PER_UNIT

LIMB_BITS = 32
LIMB_MASK = 2**LIMB_BITS - 1
LIMBS = [
    (f"sum(CAST({level} AS HUGEINT) * {limb})", "HUGEINT")
    for level in ("units", "atoms", "abs(units)", "abs(atoms)")
    for limb in (f"(duration >> {LIMB_BITS})", f"(duration & {LIMB_MASK})")
]
OPENING = (
    ("request", "INTEGER"),
    ("subject", "VARCHAR"),
    *((name, "BIGINT") for name in ("opens", '"time"', '"batch"')),
    ('"row"', "INTEGER"),
    *((name, "BIGINT") for name in ("units", "atoms")),
)


@dataclass(frozen=True, slots=True)
class Levels:
    """Atoms times microseconds, with signs and without, and the opening states by subject and start."""

    parts: int
    magnitude: int
    opening: tuple[Opening, ...]


NO_LEVELS = Levels(0, 0, ())


def levels_by_request(
    connection: DuckDBPyConnection, judged: str, bound: Mapping[str, Bound]
) -> dict[int, Levels]:
    """What the levels of each request come to.

    `judged` is a select of events before the end of each span of their subject, with the request and the span
    (`opens`, `closes`).
    """
    held = (
        'SELECT *, lead("time") OVER (PARTITION BY request, "subject", opens '  # noqa: S608 (constants)
        'ORDER BY "time", "batch", "row") AS next '
        f"FROM ({judged}) WHERE NOT excluded AND NOT retracted"
    )
    weighted = (
        'SELECT *, greatest(coalesce(least(next, closes), closes) - greatest("time", opens), 0) '  # noqa: S608
        f"AS duration FROM ({held})"
    )
    columns = [("request", "INTEGER"), *LIMBS]
    sums = exact_rows(
        connection,
        f"SELECT {', '.join(expression for expression, _ in columns)} "  # noqa: S608 (constants)
        f"FROM ({weighted}) GROUP BY request",
        bound,
        [type_ for _, type_ in columns],
    )
    opening = _openings(connection, held, bound)
    found = {}
    for row in sums:
        request, *limbs = map(whole, row)
        joined = [high * 2**LIMB_BITS + low for high, low in zip(limbs[::2], limbs[1::2], strict=True)]
        units, atoms, units_magnitude, atoms_magnitude = joined
        found[request] = Levels(
            units * ATOMS_PER_UNIT + atoms,
            units_magnitude * ATOMS_PER_UNIT + atoms_magnitude,
            tuple(sorted(opening.get(request, ()), key=lambda each: (each.subject, each.start))),
        )
    return found


def _openings(
    connection: DuckDBPyConnection, held: str, bound: Mapping[str, Bound]
) -> dict[int, list[Opening]]:
    sql = (
        f"SELECT {', '.join(name for name, _ in OPENING)} FROM ({held}) "  # noqa: S608 (constants)
        'WHERE "time" < opens AND (next IS NULL OR next >= opens)'
    )
    found: dict[int, list[Opening]] = {}
    for row in exact_text_rows(connection, sql, bound, [type_ for _, type_ in OPENING]):
        request, subject, *numbers = row
        opens, time, batch, row_, units, atoms = map(whole, numbers)
        opening = Opening(
            Subject(str(subject)),
            Instant(opens),
            quantity_of(units=units, atoms=atoms),
            Instant(time),
            Position(batch, row_),
        )
        found.setdefault(whole(request), []).append(opening)
    return found
