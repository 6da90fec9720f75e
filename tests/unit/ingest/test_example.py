"""Examples are run through the definition, whatever day they were written for."""

from __future__ import annotations

import pytest

from tests.unit.ingest.sample import CALL, item
from tieout.ingest.example import run_example


@pytest.mark.parametrize("time", ["1999-01-01T00:00:00Z", "2026-01-15T11:30:00Z", "2999-01-01T00:00:00Z"])
def test_a_good_example_is_accepted_whatever_its_time(time: str) -> None:
    assert run_example(CALL, item(time=time, source=...).decode()) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (item(data={}).decode(), "field-missing"),
        (item(type="other").decode(), "unknown-type"),
        (item(time=...).decode(), "time-missing"),
        ("not json", "not-json"),
        ("\ud800", "not-utf8"),
    ],
)
def test_a_bad_example_names_its_reason(text: str, reason: str) -> None:
    assert run_example(CALL, text) == reason
