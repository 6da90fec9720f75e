"""The recount's arrays of limbs against plain Python numbers, at the edges of what columns hold."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.engines.recount_columns import lane_limbs, magnitudes, value_limbs
from tieout.engines.recount_totals import Extremes, Sums
from tieout.engines.recount_windows import Rows
from tieout.kernel.quantity import ATOMS_PER_UNIT

REQUESTS = 4
WHOLE = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1, -1, 0, 2**32, -(2**32)])
)
ATOMS = st.one_of(
    st.integers(-(10**30) + 1, 10**30 - 1), st.sampled_from([10**30 - 1, 1 - 10**30, 2**64, -(2**64)])
)
LANES = st.one_of(st.integers(0, 2**64 - 1), st.just(2**64 - 1))


def tables(values: st.SearchStrategy[int]) -> st.SearchStrategy[list[list[tuple[int, int]]]]:
    """Some tables, each of (request, value)."""
    row = st.tuples(st.integers(0, REQUESTS - 1), values)
    return st.lists(st.lists(row, min_size=1, max_size=12), min_size=1, max_size=6)


def rows_of(table: list[tuple[int, int]]) -> Rows:
    request = np.array([place for place, _ in table], dtype=np.int64)
    order = np.argsort(request, kind="stable")
    places, starts = np.unique(request[order], return_index=True)
    return Rows(request, order, places, starts)


def column(values: list[int], *, decimals: bool) -> pa.ChunkedArray:
    if not decimals:
        return pa.chunked_array([pa.array(values, pa.int64())])
    exact = [Decimal(f"{each}e-12") for each in values]
    return pa.chunked_array([pa.array(exact, pa.decimal128(30, 12))])


@settings(max_examples=150, deadline=None)
@given(tables(WHOLE), tables(ATOMS))
def test_sums_and_extremes_of_whole_numbers_and_decimals_together(
    whole: list[list[tuple[int, int]]], decimals: list[list[tuple[int, int]]]
) -> None:
    sums, sizes = Sums(REQUESTS), Sums(REQUESTS)
    highest, lowest = Extremes(REQUESTS, greatest=True), Extremes(REQUESTS, greatest=False)
    atoms: list[list[int]] = [[] for _ in range(REQUESTS)]
    for several, is_decimal in ((whole, False), (decimals, True)):
        for table in several:
            limbs = value_limbs(column([value for _, value in table], decimals=is_decimal))
            rows = rows_of(table)
            ordered = [(limb[rows.order], weight) for limb, weight in limbs]
            sums.add(ordered, rows)
            sizes.add(magnitudes(ordered), rows)
            highest.add(limbs, rows)
            lowest.add(limbs, rows)
            for place, value in table:
                atoms[place].append(value if is_decimal else value * ATOMS_PER_UNIT)
    assert sums.totals() == [sum(each) for each in atoms]
    assert sizes.totals() == [sum(map(abs, each)) for each in atoms]
    assert highest.found() == [max(each, default=0) for each in atoms]
    assert lowest.found() == [min(each, default=0) for each in atoms]


@settings(max_examples=100, deadline=None)
@given(tables(LANES))
def test_lanes_add_up_as_unsigned_numbers(lanes: list[list[tuple[int, int]]]) -> None:
    sums = Sums(REQUESTS)
    expected = [0] * REQUESTS
    for table in lanes:
        rows = rows_of(table)
        lane = np.array([value for _, value in table], dtype=np.uint64)
        sums.add(lane_limbs(lane[rows.order]), rows)
        for place, value in table:
            expected[place] += value
    assert sums.totals() == expected


def test_many_tables_of_the_greatest_numbers_do_not_wrap() -> None:
    sums = Sums(1)
    limbs = value_limbs(column([10**30 - 1] * 4096, decimals=True))
    rows = rows_of([(0, 0)] * 4096)
    for _ in range(200):
        sums.add(limbs, rows)
    assert sums.totals() == [200 * 4096 * (10**30 - 1)]
