"""Groups of a snapshot by DuckDB: one row for each request and group."""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from tieout.aggregate.breakdown import Breakdown, UsageGroup
from tieout.engines.duckdb_predicate import Bound
from tieout.engines.duckdb_result import TextRow, exact_text_rows, quantity_of, whole
from tieout.kernel import limits
from tieout.kernel.quantity import Quantity

ONE = Quantity.of(1)


def groups_by_request(
    connection: DuckDBPyConnection,
    judged: str,
    bound: Mapping[str, Bound],
    breakdown: Breakdown,
    *,
    counts: bool,
) -> dict[int, list[UsageGroup]]:
    """The groups of each request that has any, in their order. A request with more groups than a snapshot may
    have gets one more than that, so that it is seen.

    `judged` is a select of events with their request; `counts`: the meter counts events, 1 for each.
    """
    keys = [(f"d{place}", "VARCHAR") for place in range(len(breakdown.dimensions))]
    if breakdown.by_value:
        keys += [("units", "BIGINT"), ("atoms", "BIGINT")]
        keys += [("amount_units", "BIGINT"), ("amount_atoms", "BIGINT")]
    columns = [
        ("request", "INTEGER"),
        *keys,
        ("count(*)", "BIGINT"),
        *((f"sum({name})", "HUGEINT") for name in ("units", "atoms", "amount_units", "amount_atoms")),
    ]
    grouping = ", ".join(name for name, _ in columns[: 1 + len(keys)])
    listed = ", ".join(f"{expression} AS c{place}" for place, (expression, _) in enumerate(columns))
    sql = (
        f"SELECT * FROM (SELECT {listed} FROM ({judged}) "  # noqa: S608 (constants and placeholders)
        f"WHERE NOT excluded AND NOT retracted GROUP BY {grouping}) "
        f"QUALIFY row_number() OVER (PARTITION BY c0) <= {limits.GROUPS_PER_SNAPSHOT_MAX + 1}"
    )
    found: dict[int, list[UsageGroup]] = {}
    for row in exact_text_rows(connection, sql, bound, [type_ for _, type_ in columns]):
        found.setdefault(whole(row[0]), []).append(_group(row, breakdown, counts=counts))
    for groups in found.values():
        groups.sort(key=lambda group: group.order)
    return found


def _group(row: TextRow, breakdown: Breakdown, *, counts: bool) -> UsageGroup:
    last_text = 1 + len(breakdown.dimensions)
    texts = tuple(None if cell is None else str(cell) for cell in row[1:last_text])
    each = [whole(cell) for cell in row[last_text:-5]]
    count, units, atoms, amount_units, amount_atoms = map(whole, row[-5:])
    priced = breakdown.amount_field is not None
    value = each_amount = None
    if breakdown.by_value:
        value = ONE if counts else quantity_of(units=each[0], atoms=each[1])
        each_amount = quantity_of(units=each[2], atoms=each[3]) if priced else None
    return UsageGroup(
        values=texts,
        quantity=Quantity.of(count) if counts else quantity_of(units=units, atoms=atoms),
        event_count=count,
        value=value,
        amount=quantity_of(units=amount_units, atoms=amount_atoms) if priced else None,
        each_amount=each_amount,
    )
