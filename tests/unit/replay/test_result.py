"""The result that others read: back as written, and nothing that was changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tieout.kernel.ids import HomeId
from tieout.kernel.instant import parse_instant
from tieout.replay.result import MalformedResult, ReplayResult, parse_result, result_text

RESULT = ReplayResult(
    set_name="traffic-2026",
    home=HomeId("home_0123456789abcdef"),
    set_digest="a" * 64,
    catalog_digest="b" * 64,
    terms_digest="d" * 64,
    outcome_digest="c" * 64,
    candidate=False,
    differences=0,
    gate_failures=(),
    coverage={"retries": 3, "conflicts": 1},
    ran_at=parse_instant("2026-03-01T00:00:00Z"),
    software="1.0",
)


def test_a_result_is_read_back_as_it_is_written() -> None:
    differing = replace(RESULT, differences=2, gate_failures=("a line is expected otherwise",))
    for each in (RESULT, differing, replace(RESULT, home=None)):
        assert parse_result(result_text(each), "f.json") == each


def test_the_gate_passes_only_where_nothing_differs_and_nothing_lacks() -> None:
    assert RESULT.compares and RESULT.passes_gate
    assert not replace(RESULT, differences=1).passes_gate
    lacking = replace(RESULT, gate_failures=("no conflict",))
    assert lacking.compares and not lacking.passes_gate


@pytest.mark.parametrize(("before", "after"), [('"differences":0', '"differences":1'), ("}", ""), ("a", "b")])
def test_a_changed_result_is_refused(before: str, after: str) -> None:
    with pytest.raises(MalformedResult):
        parse_result(result_text(RESULT).replace(before, after, 1), "f.json")
