"""Which ranges are merged: whatever the sizes, few remain, none grows too long, and little is rewritten."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tieout.store.log.segments.tiers import (
    FAN_OUT,
    ROWS_PER_MERGE_MAX,
    ROWS_SETTLED,
    SETTLED,
    RangeOfBatches,
    due_merge,
    tier_of,
)

ROWS = st.one_of(st.integers(1, 40_000), st.integers(8_192, 300_000), st.integers(200_000, ROWS_SETTLED * 2))


def ranges_of(sizes: list[int]) -> list[RangeOfBatches]:
    return [RangeOfBatches(number, number, rows) for number, rows in enumerate(sizes, start=1)]


def grown(sizes: list[int]) -> tuple[list[RangeOfBatches], int, int]:
    """The ranges after each was compacted in turn and all due merges were done; rows written by merging."""
    ranges: list[RangeOfBatches] = []
    rewritten = most = 0
    for following in ranges_of(sizes):
        ranges.append(following)
        while chosen := due_merge(ranges):
            at = ranges.index(chosen[0])
            assert list(chosen) == ranges[at : at + len(chosen)], "adjacent"
            assert len(chosen) > 1
            rows = sum(each.rows for each in chosen)
            assert rows <= ROWS_PER_MERGE_MAX
            assert all(tier_of(each) < SETTLED for each in chosen), "what is settled is never written again"
            rewritten += rows
            ranges[at : at + len(chosen)] = [RangeOfBatches(chosen[0].first, chosen[-1].last, rows)]
        most = max(most, len(ranges))
    return ranges, rewritten, most


@given(st.lists(ROWS, max_size=120))
def test_merging_keeps_every_batch_once_and_leaves_few_ranges(sizes: list[int]) -> None:
    ranges, _, _ = grown(sizes)
    assert sum(each.rows for each in ranges) == sum(sizes)
    assert [each.first for each in ranges[:1]] == [1][: len(ranges)]
    assert all(before.last + 1 == after.first for before, after in pairwise(ranges))
    settled = sum(tier_of(each) == SETTLED for each in ranges)
    small = len(ranges) - settled
    assert small <= (settled + 1) + SETTLED * FAN_OUT, "between two settled ranges stands one at most"


def test_a_server_that_compacts_all_day_rewrites_each_event_about_once_a_tier() -> None:
    sizes = [10_000] * 3_000
    ranges, rewritten, most = grown(sizes)
    assert rewritten <= SETTLED * sum(sizes)
    assert most <= sum(sizes) // ROWS_SETTLED + SETTLED * FAN_OUT
    assert sum(tier_of(each) == SETTLED for each in ranges) >= 6


def test_eight_of_one_tier_are_merged_and_seven_are_not() -> None:
    assert due_merge(ranges_of([100] * 7)) == ()
    assert len(due_merge(ranges_of([100] * 8))) == 8
    assert [each.rows for each in due_merge(ranges_of([40_000, *[100] * 8]))] == [100] * 8


def test_a_lower_one_between_them_goes_with_the_eight() -> None:
    sizes = [40_000] * 4 + [100] + [40_000] * 4
    assert [each.rows for each in due_merge(ranges_of(sizes))] == sizes


def test_what_a_settled_range_follows_is_merged_at_once() -> None:
    sizes = [100, 50_000, 100, 2_000_000]
    assert [each.rows for each in due_merge(ranges_of(sizes))] == sizes[:3]
    assert due_merge(ranges_of([100, 2_000_000, 100, 2_000_000])) == ()
