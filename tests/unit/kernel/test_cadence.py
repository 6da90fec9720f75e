"""Cadences read as people write them, and say themselves in one way."""

from __future__ import annotations

import pytest

from tieout.kernel.cadence import NAMED, Cadence, MalformedCadence, parse_cadence


@pytest.mark.parametrize(
    ("text", "cadence"),
    [
        ("monthly", Cadence(months=1)),
        ("half_yearly", Cadence(months=6)),
        ("every 2 weeks", Cadence(days=14)),
        ("every 30 days", Cadence(days=30)),
        ("every 2 months", Cadence(months=2)),
        ("every 10 years", Cadence(months=120)),
    ],
)
def test_a_cadence_reads_and_says_itself(text: str, cadence: Cadence) -> None:
    assert parse_cadence(text) == cadence
    assert cadence.value == text


@pytest.mark.parametrize(("text", "name"), [("every 3 months", "quarterly"), ("every 7 days", "weekly")])
def test_the_same_length_is_the_same_cadence(text: str, name: str) -> None:
    assert parse_cadence(text) == NAMED[name]
    assert parse_cadence(text).value == name


@pytest.mark.parametrize(
    "text",
    ["", "Monthly", "every 0 days", "every 02 days", "every 2 month", "every 3661 days", "every 11 years"],
)
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(
        MalformedCadence, match="half_yearly, yearly, or every N days, weeks, months or years"
    ):
        parse_cadence(text)
