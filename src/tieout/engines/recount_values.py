"""What the values of a table add to each request's tally, aggregation by aggregation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.contract.meter import Aggregation
from tieout.engines.recount_columns import limb_sums, magnitudes, text_of, value_limbs
from tieout.engines.recount_groups import GroupTallies
from tieout.kernel.ids import Position
from tieout.kernel.quantity import Quantity

Indices = npt.NDArray[np.int64]
Order = tuple[int, Position]


@dataclass(slots=True)
class Tally:
    """What one request has come to so far. `atoms` is a sum or the value of one event, `magnitude` the sum of
    the sizes; `latest` is the (time, position) of the value that Last holds, `texts` are unique's values.
    """

    count: int = 0
    lane_a: int = 0
    lane_b: int = 0
    atoms: int = 0
    magnitude: int = 0
    latest: Order | None = field(default=None)
    texts: set[str] = field(default_factory=set)
    groups: GroupTallies = field(default_factory=GroupTallies)


def count_values(
    aggregation: Aggregation,
    table: pa.Table,
    value: str,
    request: Indices,
    inside: Indices,
    tallies: Sequence[Tally],
) -> None:
    """Adds the values of the rows at `inside`, which count for the requests at `request`.

    Called after the rows were added to `count`. Levels over time are counted in `recount_levels.py`.
    """
    column = table.column(value)
    if aggregation in (Aggregation.SUM, Aggregation.AVERAGE):
        order = inside[np.argsort(request[inside], kind="stable")]
        places, starts = np.unique(request[order], return_index=True)
        sums = limb_sums(value_limbs(column), order, starts)
        sizes = limb_sums(magnitudes(column), order, starts)
        for place, atoms, size in zip(places, sums, sizes, strict=True):
            tallies[place].atoms += atoms
            tallies[place].magnitude += size
    elif aggregation is Aggregation.LAST:
        _keep_latest(table, column, request, inside, tallies)
    elif aggregation is Aggregation.UNIQUE:
        _keep_texts(column, request, inside, tallies)
    elif aggregation in (Aggregation.MAX, Aggregation.MIN):
        _keep_extreme(aggregation, column, request, inside, tallies)


def _keep_latest(
    table: pa.Table, column: pa.ChunkedArray, request: Indices, inside: Indices, tallies: Sequence[Tally]
) -> None:
    time, batch, row = (table.column(name).to_numpy() for name in ("time", "batch", "row"))
    order = inside[np.lexsort((row[inside], batch[inside], time[inside], request[inside]))]
    for index in order[_last_of_each(request[order])]:
        tally = tallies[request[index]]
        found = (int(time[index]), Position(int(batch[index]), int(row[index])))
        if tally.latest is None or tally.latest < found:
            tally.latest = found
            tally.atoms = _atoms_at(column, int(index))


def _keep_extreme(
    aggregation: Aggregation,
    column: pa.ChunkedArray,
    request: Indices,
    inside: Indices,
    tallies: Sequence[Tally],
) -> None:
    """The greatest limb is the last key of the sort, so the last row of each request is its greatest."""
    limbs = [limb[inside] for limb, _ in value_limbs(column)]
    order = inside[np.lexsort((*limbs, request[inside]))]
    greatest = aggregation is Aggregation.MAX
    chosen = _last_of_each(request[order]) if greatest else _first_of_each(request[order])
    for index in order[chosen]:
        tally = tallies[request[index]]
        atoms = _atoms_at(column, int(index))
        better = tally.latest is None or (atoms > tally.atoms if greatest else atoms < tally.atoms)
        if better:
            tally.atoms = atoms
            tally.latest = (0, Position(0, 0))


def _keep_texts(column: pa.ChunkedArray, request: Indices, inside: Indices, tallies: Sequence[Tally]) -> None:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = [text_of(each) for each in encoded.dictionary.to_pylist()]
    for pair in np.unique(request[inside] * len(texts) + codes[inside]).tolist():
        place, code = divmod(pair, len(texts))
        text = texts[code]
        assert text is not None, "a row without a value was kept"
        tallies[place].texts.add(text)


def _last_of_each(places: Indices) -> npt.NDArray[np.bool_]:
    return np.append(np.diff(places) != 0, True)


def _first_of_each(places: Indices) -> npt.NDArray[np.bool_]:
    return np.append(True, np.diff(places) != 0)


def _atoms_at(column: pa.ChunkedArray, index: int) -> int:
    text = text_of(column[index].as_py())
    assert text is not None, "a row without a value was kept"
    return Quantity.parse(text).atoms
