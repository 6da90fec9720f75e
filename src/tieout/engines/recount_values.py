"""What the values of a table add to each request's tally, aggregation by aggregation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tieout.contract.meter import Aggregation
from tieout.engines.recount_columns import magnitudes, text_of, value_limbs
from tieout.engines.recount_groups import GroupTallies
from tieout.engines.recount_totals import Extremes, Sums
from tieout.engines.recount_windows import Rows
from tieout.kernel.ids import Position

Order = tuple[int, Position]


@dataclass(slots=True)
class Tally:
    """What one request has come to so far, of what is kept value by value: `latest` is the (time, position)
    of the value that Last holds, `atoms` that value, `texts` are unique's values.
    """

    atoms: int = 0
    latest: Order | None = None
    texts: set[str] = field(default_factory=set)
    groups: GroupTallies = field(default_factory=GroupTallies)


class Totals:
    """What all requests for one meter have come to so far, of what is added up: `atoms` are sums, `sizes`
    the sums of the sizes, `extremes` the greatest or least values."""

    def __init__(self, requests: int, aggregation: Aggregation) -> None:
        self.counts = np.zeros(requests, dtype=np.int64)
        self.lanes_a, self.lanes_b, self.atoms, self.sizes = (Sums(requests) for _ in range(4))
        self.extremes = Extremes(requests, greatest=aggregation is Aggregation.MAX)


def count_values(
    aggregation: Aggregation,
    table: pa.Table,
    value: str,
    rows: Rows,
    totals: Totals,
    tallies: Sequence[Tally],
) -> None:
    """Adds the values of the rows to the totals or tallies of their requests.

    Called after the rows were counted. Levels over time are counted in `recount_levels.py`.
    """
    column = table.column(value)
    if aggregation in (Aggregation.SUM, Aggregation.AVERAGE):
        limbs = [(limb[rows.order], weight) for limb, weight in value_limbs(column)]
        totals.atoms.add(limbs, rows)
        totals.sizes.add(magnitudes(limbs), rows)
    elif aggregation is Aggregation.LAST:
        _keep_latest(table, column, rows, tallies)
    elif aggregation is Aggregation.UNIQUE:
        _keep_texts(column, rows, tallies)
    elif aggregation in (Aggregation.MAX, Aggregation.MIN):
        totals.extremes.add(value_limbs(column), rows)


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


def _keep_texts(column: pa.ChunkedArray, rows: Rows, tallies: Sequence[Tally]) -> None:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = [text_of(each) for each in encoded.dictionary.to_pylist()]
    for pair in np.unique(rows.request[rows.order] * len(texts) + codes[rows.order]).tolist():
        place, code = divmod(pair, len(texts))
        text = texts[code]
        assert text is not None, "a row without a value was kept"
        tallies[place].texts.add(text)
