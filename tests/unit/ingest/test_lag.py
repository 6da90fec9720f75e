"""Lags in log-scaled buckets: every percentile is at most 9.1 % above the exact one, and never below it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.ingest.lag import BUCKETS, STARTS, bucket_of, buckets_of, longest_of, percentile
from tieout.kernel.instant import INSTANT_MAX, INSTANT_MIN

LONGEST = INSTANT_MAX - INSTANT_MIN
lags = st.one_of(st.integers(-(10**9), LONGEST), st.integers(-3, 2_000))


def exact(values: list[int], percent: int) -> int:
    """By nearest rank, over the values themselves; what is not positive counts as 0."""
    ordered = sorted(max(value, 0) for value in values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


@given(values=st.lists(lags, min_size=1, max_size=60), percent=st.integers(1, 100))
def test_a_percentile_is_never_below_the_exact_one_and_less_than_a_ninth_above(
    values: list[int], percent: int
) -> None:
    told = percentile(Counter(buckets_of(np.array(values, dtype=np.int64)).tolist()), percent)
    truth = exact(values, percent)
    assert told is not None and told >= truth
    assert told == truth == 0 or told**8 < 2 * truth**8, "by less than the factor 2^(1/8), in whole numbers"


@given(one=st.lists(lags, max_size=30), other=st.lists(lags, max_size=30))
def test_counts_add_up_to_the_counts_of_both_together(one: list[int], other: list[int]) -> None:
    apart = Counter(map(bucket_of, one)) + Counter(map(bucket_of, other))
    assert apart == Counter(map(bucket_of, one + other))


@given(lag=lags)
def test_a_lag_lies_in_its_bucket(lag: int) -> None:
    bucket = bucket_of(lag)
    assert 0 <= bucket <= BUCKETS
    if bucket == 0:
        assert lag <= 0
    else:
        assert STARTS[bucket - 1] <= lag < STARTS[bucket]
        assert longest_of(bucket) >= lag


def test_bounds_are_the_powers_they_are_said_to_be() -> None:
    assert [STARTS[step] for step in (0, 8, 16, 80)] == [1, 2, 4, 1_024]
    for step, start in enumerate(STARTS):
        assert (start - 1) ** 8 < 2**step <= start**8, "the ceiling of 2^(step/8)"
    assert STARTS[-1] > LONGEST


def test_nothing_measured_is_not_zero() -> None:
    assert percentile({}, 50) is None


@pytest.mark.parametrize(("percent", "expected"), [(50, 1), (51, 2), (99, 2), (100, 2)])
def test_percentiles_go_by_nearest_rank(percent: int, expected: int) -> None:
    assert percentile(Counter(map(bucket_of, [1, 1, 2, 2])), percent) == expected
