"""Rows out of DuckDB, with their types asserted first: a DOUBLE on the way to a quantity stops the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duckdb import DuckDBPyConnection

from tieout.engines.duckdb_predicate import Bound
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.quantity import ATOMS_PER_UNIT, Quantity

Row = tuple[int | None, ...]
TextRow = tuple[int | str | None, ...]


class UnexpectedResultType(IntegrityViolation):
    """The engine chose another type for a column than the exact one the query is written for."""

    code = "unexpected-result-type"

    def __init__(self, found: Sequence[str], expected: Sequence[str]) -> None:
        super().__init__(tuple(found), tuple(expected))
        self.found = tuple(found)
        self.expected = tuple(expected)

    def __str__(self) -> str:
        return f"The engine answered with columns {self.found}; only {self.expected} are exact."


def exact_rows(
    connection: DuckDBPyConnection, sql: str, bound: Mapping[str, Bound], types: Sequence[str]
) -> list[Row]:
    """The rows of a query whose columns must have exactly these types. Raises `UnexpectedResultType`."""
    connection.execute(sql, bound)
    found = [str(column[1]) for column in connection.description or ()]
    if found != list(types):
        raise UnexpectedResultType(found, types)
    return connection.fetchall()


def exact_text_rows(
    connection: DuckDBPyConnection, sql: str, bound: Mapping[str, Bound], types: Sequence[str]
) -> list[TextRow]:
    """The same for a query some of whose columns are VARCHAR."""
    return [*exact_rows(connection, sql, bound, types)]


def quantity_of(*, units: int, atoms: int) -> Quantity:
    """A quantity that the engine gave as two whole numbers, both of its sign."""
    return Quantity.from_atoms(units * ATOMS_PER_UNIT + atoms)


def whole(cell: int | str | None) -> int:
    """A cell of a whole-number column; 0 for the sum of nothing."""
    assert cell is None or isinstance(cell, int), cell
    return cell or 0
