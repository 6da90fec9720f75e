"""matrix: dimensions, [[price.cell]] with `when` and a shape, and `otherwise` with a shape."""

from __future__ import annotations

from itertools import islice

from tieout.contract.price import Cell, Dynamic, Matrix, PlainShape
from tieout.contract.reading.shape import PLAIN_SHAPES, read_plain_shape
from tieout.contract.reading.table import TableReader
from tieout.kernel.errors import shown
from tieout.kernel.limits import CELLS_MAX
from tieout.kernel.money import Currency


def read_matrix(reader: TableReader, unit: Currency | None) -> Matrix:
    """Every cell names at least one of the dimensions, and can be reached past the cells before it."""
    dimensions = tuple(sorted(reader.texts("dimensions", at_least=1)))
    tables = reader.tables("cell")
    if not tables:
        reader.problem("cell", "is missing or empty: a matrix needs at least one cell")
    if len(tables) > CELLS_MAX:
        reader.problem("cell", f"has {len(tables)} cells; at most {CELLS_MAX} are allowed")
    cells = tuple(_cell(inner, dimensions, unit) for inner in islice(tables, CELLS_MAX))
    otherwise = reader.table("otherwise")
    matrix = Matrix(dimensions, cells, None if otherwise is None else _nested(otherwise, unit))
    _check_reach(reader, cells)
    _check_amount_fields(reader, matrix)
    return matrix


def _cell(reader: TableReader, dimensions: tuple[str, ...], unit: Currency | None) -> Cell:
    when = reader.table("when")
    named: list[tuple[str, str]] = []
    if when is None or not when.names:
        reader.problem("when", "is missing or empty: a cell for all usage is what `otherwise` is for")
    else:
        for name in sorted(when.names):
            named.append((name, when.text(name)))
            if name not in dimensions:
                when.problem(name, f"{shown(name)} is not among this price's dimensions")
    return Cell(tuple(named), _nested(reader, unit))


def _nested(reader: TableReader, unit: Currency | None) -> PlainShape:
    shape = read_plain_shape(reader, reader.choice("shape", PLAIN_SHAPES), unit)
    reader.finish()
    return shape


def _check_reach(reader: TableReader, cells: tuple[Cell, ...]) -> None:
    """A cell is out of reach where an earlier one asks for no more than it does."""
    first: dict[frozenset[tuple[str, str]], int] = {}
    for place, cell in enumerate(cells):
        wanted = frozenset(cell.when)
        before = next((first[asked] for asked in first if asked <= wanted), None)
        if before is not None and wanted:
            reader.problem(
                f"cell[{place}].when", f"can never be reached: cell[{before}] takes all that it asks for"
            )
        if wanted:
            first.setdefault(wanted, place)


def _check_amount_fields(reader: TableReader, matrix: Matrix) -> None:
    """One snapshot adds up one amount beside the metered quantity."""
    shapes = [*(cell.shape for cell in matrix.cells), matrix.otherwise]
    fields = sorted({shape.amount_field for shape in shapes if isinstance(shape, Dynamic)})
    if len(fields) > 1:
        reader.problem("cell", f"name several amount fields ({', '.join(fields)}); a price adds up one")
