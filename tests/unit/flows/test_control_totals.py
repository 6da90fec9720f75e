"""Control totals against what was accepted: exact, by event time, and made anew after each arrival."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_home import call, ingest, make_home
from tieout.flows.control_totals import (
    ControlTotalConflict,
    UnknownEventType,
    list_control_totals,
    state_control_total,
)
from tieout.flows.known_sources import UnknownSource
from tieout.flows.pipeline_status import pipeline_status
from tieout.flows.retract_event import Decision, retract_event
from tieout.ingest.control_total import Accepted, ControlTotal, MalformedControlTotal, TotalState, parse_total
from tieout.kernel.ids import EventType
from tieout.kernel.instant import DAY_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.wiring import Home, open_home

JANUARY, FEBRUARY = parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z")
STATED = ControlTotal(
    "gateway", "jan", EventType("api.call"), JANUARY, FEBRUARY, 3, "gigabytes", parse_total("0.6")
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made, _ = make_home(tmp_path / "home")
    with made:
        yield made


def sized(number: int, time: str, gigabytes: str) -> dict[str, object]:
    return call(number, "acme", time, gigabytes=gigabytes)


def test_it_differs_until_the_last_event_has_come(home: Home) -> None:
    ingest(home, [sized(1, "2026-01-01T00:00:00Z", "0.1"), sized(2, "2026-01-31T23:59:59.999999Z", "0.2")])
    found = state_control_total(home, STATED, by="billing team").comparison
    assert found.state is TotalState.DIFFERS
    assert (found.events_difference, str(found.total_difference)) == (-1, "-0.3")
    assert len(pipeline_status(home).differing_totals) == 1
    outside = [sized(3, "2026-02-01T00:00:00Z", "0.3"), sized(4, "2025-12-31T23:59:59.999999Z", "0.3")]
    again = [
        sized(1, "2026-01-01T00:00:00Z", "0.1"),
        {**sized(6, "2026-01-05T00:00:00Z", "9"), "source": "edge"},
    ]
    ingest(home, [*outside, *again])
    assert list_control_totals(home)[0].comparison == found, "no duplicate, other source or other time counts"
    ingest(home, [sized(5, "2026-01-15T00:00:00Z", "0.3")])
    assert list_control_totals(home)[0].comparison.state is TotalState.MATCHED
    home.log.compact(rows_min=1)
    (listed,) = list_control_totals(home, source="gateway")
    assert listed.comparison.state is TotalState.MATCHED
    assert listed.stored.stated_by == "billing team"
    assert pipeline_status(home).differing_totals == ()


def test_more_than_was_stated_differs_with_its_sign(home: Home) -> None:
    ingest(home, [sized(number, "2026-01-02T00:00:00Z", "1") for number in range(5)])
    found = state_control_total(home, STATED, by="x").comparison
    assert (found.events_difference, str(found.total_difference)) == (2, "4.4")


def test_the_same_statement_again_changes_nothing_and_another_is_refused(home: Home) -> None:
    first = state_control_total(home, STATED, by="Ada")
    again = state_control_total(home, replace(STATED, total=parse_total("0.60")), by="Bram")
    assert again == first
    for change in (
        {"events": 4}, {"total": parse_total("0.61")}, {"end": Instant(FEBRUARY + 1)},
        {"field": None, "total": None}, {"field": "tokens"},
    ):  # fmt: skip
        with pytest.raises(ControlTotalConflict) as refusal:
            state_control_total(home, replace(STATED, **change), by="Ada")
        assert refusal.value.exit_code == 4
    assert len(list_control_totals(home)) == 1


def test_of_two_that_state_it_otherwise_at_once_one_is_kept_and_the_other_refused(home: Home) -> None:
    def state(events: int) -> int | None:
        with open_home(home.folder, clock=home.clock) as other:
            try:
                state_control_total(other, replace(STATED, events=events), by="x")
            except ControlTotalConflict:
                return None
        return events

    with ThreadPoolExecutor(4) as pool:
        kept = [events for events in pool.map(state, range(4)) if events is not None]
    (listed,) = list_control_totals(home)
    assert kept == [listed.stored.stated.events]


def test_a_window_that_has_not_ended_is_open(home: Home) -> None:
    later = replace(STATED, end=parse_instant("2026-04-01T00:00:00Z"))
    assert state_control_total(home, later, by="x").comparison.state is TotalState.OPEN


def test_what_nobody_promised_is_refused(home: Home) -> None:
    with pytest.raises(UnknownEventType):
        state_control_total(home, replace(STATED, type=EventType("nope")), by="x")
    for field in ("nope", "environment"):
        with pytest.raises(MalformedControlTotal):
            state_control_total(home, replace(STATED, field=field), by="x")
    with pytest.raises(UnknownSource):
        list_control_totals(home, source="nobody")


def test_what_was_sent_twice_ties_once_it_is_taken_back_and_what_was_sent_ties_either_way(home: Home) -> None:
    ingest(home, [sized(number, f"2026-01-0{number}T00:00:00Z", "0.2") for number in (1, 2, 3, 4)])
    found = state_control_total(home, STATED, by="x").comparison
    assert (found.state, found.events_difference) == (TotalState.DIFFERS, 1)
    taken_back(home, 4)
    found = list_control_totals(home)[0].comparison
    assert (found.state, found.events_difference, str(found.total_difference)) == (TotalState.MATCHED, 0, "0")
    assert (found.accepted.events, found.accepted.standing.events) == (4, 3)
    sent = replace(STATED, id="sent", events=4, total=parse_total("0.8"))
    assert state_control_total(home, sent, by="x").comparison.state is TotalState.MATCHED
    taken_back(home, 3)
    found = list_control_totals(home)[0].comparison
    assert found.is_taken_back_too_far
    assert (found.state, found.events_difference) == (TotalState.DIFFERS, 1)
    assert list_control_totals(home)[1].comparison.state is TotalState.MATCHED


def taken_back(home: Home, number: int) -> None:
    name = str(call(number, "acme", "2026-01-01T00:00:00Z")["id"])
    retract_event(home, source="gateway", event_id=name, decision=Decision("sent twice", by="Dana"))


@pytest.mark.parametrize("compacted", [False, True])
def test_many_windows_equal_a_naive_sum(home: Home, compacted: bool) -> None:
    generator = random.Random(7)
    sent: list[tuple[str, Instant, str]] = []
    for _ in range(300):
        time = Instant(JANUARY + generator.randrange(31 * DAY_MICROSECONDS))
        size = f"{generator.randrange(10**6)}.{generator.randrange(10**12):012}"
        source = generator.choice(["gateway", "edge"])
        sent.append((source, time, size))
    ingest(
        home,
        [
            {**sized(number, format_instant(time), size), "source": source}
            for number, (source, time, size) in enumerate(sent)
        ],
    )
    gone = set(generator.sample(range(300), 9))
    for number in gone:
        retract_event(
            home,
            source=sent[number][0],
            event_id=str(call(number, "acme", "2026-01-01T00:00:00Z")["id"]),
            decision=Decision("a test of ours", by="Dana"),
        )
    if compacted:
        home.log.compact(rows_min=1)
    for day in range(0, 30, 3):
        for source in ("gateway", "edge", "silent"):
            start, end = (Instant(JANUARY + n * DAY_MICROSECONDS) for n in (day, day + 5))
            mine = [size for name, time, size in sent if name == source and start <= time < end]
            total = sum((Quantity.parse(size) for size in mine), QUANTITY_ZERO)
            stated = ControlTotal(
                source, f"d{day}", EventType("api.call"), start, end, len(mine), "gigabytes", total
            )
            found = state_control_total(home, stated, by="x").comparison
            assert found.state is TotalState.MATCHED
            stand = [
                size
                for number, (name, time, size) in enumerate(sent)
                if name == source and start <= time < end and number not in gone
            ]
            left = sum((Quantity.parse(size) for size in stand), QUANTITY_ZERO)
            assert found.accepted.standing == Accepted(len(stand), left)
    assert {found.comparison.state for found in list_control_totals(home)} == {TotalState.MATCHED}
