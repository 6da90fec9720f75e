"""A statement that can be compared, and how it ties."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tieout.ingest.control_total import (
    EVENTS_MAX,
    Accepted,
    ControlTotal,
    MalformedControlTotal,
    TotalState,
    compare,
    parse_events,
    parse_total,
)
from tieout.kernel.ids import EventType
from tieout.kernel.instant import parse_instant
from tieout.kernel.quantity import Quantity

START, END = parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z")
STATED = ControlTotal("gateway", "jan", EventType("api.call"), START, END, 10, "tokens", Quantity.of(1_000))


@pytest.mark.parametrize(
    ("events", "total", "at_start", "at_end"),
    [
        (10, 1_000, TotalState.MATCHED, TotalState.MATCHED),
        (9, 1_000, TotalState.OPEN, TotalState.DIFFERS),
        (10, 999, TotalState.OPEN, TotalState.DIFFERS),
        (11, 1_001, TotalState.OPEN, TotalState.DIFFERS),
    ],
)
def test_it_ties_exactly_or_not(events: int, total: int, at_start: TotalState, at_end: TotalState) -> None:
    accepted = Accepted(events, Quantity.of(total))
    assert compare(STATED, accepted, now=START).state is at_start
    found = compare(STATED, accepted, now=END)
    assert found.state is at_end
    assert (found.events_difference, found.total_difference) == (events - 10, Quantity.of(total - 1_000))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("source", {"source": ""}),
        ("source", {"source": "a b"}),
        ("source", {"source": "x" * 257}),
        ("source", {"source": "nul\x00"}),
        ("id", {"id": "ü"}),
        ("id", {"id": "x" * 129}),
        ("window", {"start": END, "end": START}),
        ("window", {"start": START, "end": START}),
        ("events", {"events": -1}),
        ("events", {"events": EVENTS_MAX + 1}),
        ("total", {"total": None}),
        ("total", {"field": None}),
    ],
)
def test_what_cannot_be_compared_is_refused(part: str, change: dict[str, object]) -> None:
    with pytest.raises(MalformedControlTotal) as refusal:
        replace(STATED, **change)  # type: ignore[arg-type]
    assert refusal.value.part == part


@pytest.mark.parametrize(
    "text", ["1e3", "NaN", "1_000", " 1", "1.", ".5", "+1", "1" * 27, "0.1234567890123", "١"]
)
def test_a_total_is_a_plain_decimal(text: str) -> None:
    with pytest.raises(MalformedControlTotal):
        parse_total(text)


def test_a_total_may_have_as_many_digits_as_a_sum() -> None:
    assert str(parse_total("-" + "9" * 26 + ".000000000001")) == "-" + "9" * 26 + ".000000000001"
    assert parse_total("1.50") == parse_total("01.5")


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "", "１", "9" * 17, str(EVENTS_MAX + 1)])
def test_a_number_of_events_is_digits(text: str) -> None:
    with pytest.raises(MalformedControlTotal):
        parse_events(text)
