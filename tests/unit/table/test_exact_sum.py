"""Sums of columns are exact, whatever their size and sign: Python's own integers say the same."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.quantity import ATOMS_PER_UNIT
from tieout.table.exact_sum import exact_sum
from tieout.table.layout import DECIMAL_TYPE

INTEGERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
ATOMS_MAX = 10**30 - 1
DECIMALS = st.one_of(st.none(), st.integers(-ATOMS_MAX, ATOMS_MAX))


@given(st.lists(st.lists(INTEGERS, max_size=20), max_size=4))
def test_integers_add_up_in_chunks(chunks: list[list[int | None]]) -> None:
    column = pa.chunked_array([pa.array(chunk, pa.int64()) for chunk in chunks], pa.int64())
    assert exact_sum(column) == ATOMS_PER_UNIT * sum(v for chunk in chunks for v in chunk if v is not None)


@given(st.lists(DECIMALS, max_size=40), st.integers(0, 5))
def test_decimals_add_up_also_in_a_slice(values: list[int | None], offset: int) -> None:
    texts = [None if v is None else Decimal(f"{v}E-12") for v in values]
    column = pa.chunked_array([pa.array(texts, DECIMAL_TYPE).slice(offset)], DECIMAL_TYPE)
    assert exact_sum(column) == sum(v for v in values[offset:] if v is not None)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
def test_what_would_wrap_in_64_bits_does_not(value: int) -> None:
    column = pa.chunked_array([pa.array([value] * 1_000, pa.int64())])
    assert exact_sum(column) == 1_000 * value * ATOMS_PER_UNIT
