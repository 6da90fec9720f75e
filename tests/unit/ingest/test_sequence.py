"""Gaps are what a set of numbers says they are, whatever the ranges look like."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.ingest.sequence import (
    Ranges,
    SequenceRuns,
    count_of,
    ranges_of,
    ranges_of_ranges,
    sequence_gaps,
    sequence_of,
    without,
)

numbers = st.sets(st.integers(0, 60))


def members(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def tidy(ranges: Ranges) -> bool:
    """Ascending, disjoint, and not touching."""
    return all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


@given(accepted=numbers, refused=st.lists(st.integers(0, 60)))
def test_gaps_are_set_differences(accepted: set[int], refused: list[int]) -> None:
    found = sequence_gaps(SequenceRuns("s", ranges_of(accepted), (), 0, 0), refused)
    received = accepted | set(refused)
    if not received:
        assert found is None
        return
    assert found is not None
    assert (found.first, found.last) == (min(received), max(received))
    assert members(found.missing) == set(range(min(received), max(received) + 1)) - received
    assert members(found.not_accepted) == set(refused) - accepted
    assert found.missing_count == len(members(found.missing))
    assert all(map(tidy, (found.accepted, found.missing, found.not_accepted)))


@given(one=numbers, other=numbers)
def test_ranges_are_sets(one: set[int], other: set[int]) -> None:
    left = without(ranges_of(one), ranges_of(other))
    assert members(left) == one - other and tidy(left)
    both = ranges_of_ranges((*ranges_of(one), *ranges_of(other)))
    assert members(both) == one | other and tidy(both)
    assert count_of(both) == len(one | other)


@pytest.mark.parametrize(
    ("members_", "expected"),
    [
        ({"sequence": "12"}, 12),
        ({"sequence": "0012", "sequencetype": "Integer"}, 12),
        ({"sequence": 12}, 12),
        ({"sequence": "12", "sequencetype": "Other"}, None),
        ({"sequence": "-1"}, None),
        ({"sequence": "1e3"}, None),
        ({"sequence": "12\n"}, None),
        ({"sequence": "١٢"}, None),
        ({"sequence": "1" * 19}, None),
        ({"sequence": None}, None),
        ({"data": {"sequence": "12"}}, None),
        ({}, None),
    ],
)
def test_a_number_is_digits_and_nothing_else(members_: dict[str, object], expected: int | None) -> None:
    assert sequence_of(json.dumps({"id": "e", **members_}, ensure_ascii=False).encode()) == expected


@pytest.mark.parametrize("raw", [b"", b'"sequence"', b'{"sequence":"12"', b'["sequence"]', b'\xff"sequence"'])
def test_bytes_that_are_no_item_have_no_number(raw: bytes) -> None:
    assert sequence_of(raw) is None
