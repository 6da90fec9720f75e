"""What the values of a table add to each request's tally, aggregation by aggregation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tieout.contract.meter import Aggregation
from tieout.engines.recount_columns import limb_extremes, limb_sums, magnitudes, text_of, value_limbs
from tieout.engines.recount_groups import GroupTallies
from tieout.engines.recount_windows import Rows
from tieout.kernel.ids import Position

Order = tuple[int, Position]


@dataclass(slots=True)
class Tally:
    """What one request has come to so far. `atoms` is a sum or the value of one event, `magnitude` the sum of
    the sizes; `latest` is the (time, position) of the value that Last holds, `texts` are unique's values;
    `has_extreme`: `atoms` is the greatest or least value so far.
    """

    count: int = 0
    lane_a: int = 0
    lane_b: int = 0
    atoms: int = 0
    magnitude: int = 0
    latest: Order | None = None
    has_extreme: bool = False
    texts: set[str] = field(default_factory=set)
    groups: GroupTallies = field(default_factory=GroupTallies)


def count_values(
    aggregation: Aggregation, table: pa.Table, value: str, rows: Rows, tallies: Sequence[Tally]
) -> None:
    """Adds the values of the rows to the tallies of their requests.

    Called after the rows were added to `count`. Levels over time are counted in `recount_levels.py`.
    """
    column = table.column(value)
    if aggregation in (Aggregation.SUM, Aggregation.AVERAGE):
        limbs = value_limbs(column)
        sums = limb_sums(limbs, rows.order, rows.starts)
        sizes = limb_sums(magnitudes(limbs), rows.order, rows.starts)
        for place, atoms, size in zip(rows.places.tolist(), sums, sizes, strict=True):
            tallies[place].atoms += atoms
            tallies[place].magnitude += size
    elif aggregation is Aggregation.LAST:
        _keep_latest(table, column, rows, tallies)
    elif aggregation is Aggregation.UNIQUE:
        _keep_texts(column, rows, tallies)
    elif aggregation in (Aggregation.MAX, Aggregation.MIN):
        _keep_extreme(aggregation, column, rows, tallies)


def _keep_latest(table: pa.Table, column: pa.ChunkedArray, rows: Rows, tallies: Sequence[Tally]) -> None:
    time, batch, row = (table.column(name).to_numpy()[rows.order] for name in ("time", "batch", "row"))
    request = rows.request[rows.order]
    order = np.lexsort((row, batch, time, request))
    last = order[np.append(np.diff(request[order]) != 0, True)]
    limbs = [(limb[rows.order[last]].tolist(), weight) for limb, weight in value_limbs(column)]
    for number, index in enumerate(last.tolist()):
        tally = tallies[request[index]]
        found = (int(time[index]), Position(int(batch[index]), int(row[index])))
        if tally.latest is None or tally.latest < found:
            tally.latest = found
            tally.atoms = sum(limb[number] * weight for limb, weight in limbs)


def _keep_extreme(
    aggregation: Aggregation, column: pa.ChunkedArray, rows: Rows, tallies: Sequence[Tally]
) -> None:
    greatest = aggregation is Aggregation.MAX
    found = limb_extremes(value_limbs(column), rows.order, rows.starts, greatest=greatest)
    for place, atoms in zip(rows.places.tolist(), found, strict=True):
        tally = tallies[place]
        if not tally.has_extreme or (atoms > tally.atoms if greatest else atoms < tally.atoms):
            tally.atoms, tally.has_extreme = atoms, True


def _keep_texts(column: pa.ChunkedArray, rows: Rows, tallies: Sequence[Tally]) -> None:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = [text_of(each) for each in encoded.dictionary.to_pylist()]
    for pair in np.unique(rows.request[rows.order] * len(texts) + codes[rows.order]).tolist():
        place, code = divmod(pair, len(texts))
        text = texts[code]
        assert text is not None, "a row without a value was kept"
        tallies[place].texts.add(text)
