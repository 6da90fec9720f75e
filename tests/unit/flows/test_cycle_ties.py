"""What is of no one account holds the whole cycle, by its own tie and by no other, until it is repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.small_home import FEBRUARY_3, ZONES, call, ingest, january, make_home
from tieout.close.breaks import Break, BreakClass, Reach
from tieout.close.outcome import Held, Sealed
from tieout.close.reconcile_cycle import TIE_ALERT, TIE_CONTROL_TOTAL, TIE_SEQUENCE
from tieout.close.reconcile_log import TIE_DISPOSITIONS
from tieout.flows.close_periods import close
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.home import Home
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.watch_pipeline import watch_to_head
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.store.sqlite import open_engine


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        yield home, clock


def breaks_of(home: Home) -> list[Break]:
    """The breaks of all accounts, each once; every account is held, or none."""
    report = close(home, as_of=FEBRUARY_3)
    kinds = {type(outcome) for _, _, outcome in report.outcomes}
    assert kinds in ({Held}, {Sealed}), kinds
    held = [outcome for _, _, outcome in report.outcomes if isinstance(outcome, Held)]
    return list(dict.fromkeys(found for outcome in held for found in outcome.breaks))


def tamper(home: Home, statement: str) -> None:
    engine = open_engine(home.folder / "log.db", schema="log")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def state(
    home: Home, events: int, *, id: str = "jan", field: str | None = None, total: str | None = None
) -> None:
    stated = control_total(
        source="gateway",
        id=id,
        type="api.call",
        start="2026-01-01T00:00:00Z",
        end="2026-02-01T00:00:00Z",
        events=str(events),
        field=field,
        total=total,
    )
    state_control_total(home, stated, by="gateway")


def numbered(*numbers: int) -> list[dict[str, object]]:
    return [
        call(number, "acme", f"2026-01-{number:02d}T10:00:00Z") | {"sequence": str(number)}
        for number in numbers
    ]


@pytest.mark.parametrize(
    ("statement", "kind", "said"),
    [
        (
            "UPDATE tallies SET items = items + 1 WHERE verdict = 0",
            BreakClass.MISSING,
            "16 accepted received",
        ),
        (
            "UPDATE tallies SET items = items - 1 WHERE verdict = 0",
            BreakClass.DUPLICATE,
            "14 accepted received",
        ),
        (
            "UPDATE tallies SET items = items + 1 WHERE verdict = 1",
            BreakClass.MISSING,
            "2 duplicate received",
        ),
        ("DELETE FROM quarantine", BreakClass.MISSING, "1 quarantined received"),
        ("UPDATE batches SET received = received + 1", BreakClass.MISSING, "18 items received"),
        ("UPDATE tallies SET source = 'other' WHERE verdict = 0", BreakClass.DUPLICATE, "source gateway"),
        (
            "UPDATE tallies SET hour = hour + 3600000000 WHERE verdict = 0",
            BreakClass.MISSING,
            "hour 2026-02-03T01",
        ),
    ],
)
def test_a_log_whose_counts_are_not_what_it_stores_holds_the_cycle(
    town: tuple[Home, SteppedClock], statement: str, kind: BreakClass, said: str
) -> None:
    home, _ = town
    events = january(5)
    ingest(home, [*events, events[0], events[1] | {"id": "bad", "time": "never"}])
    tamper(home, statement)
    found = breaks_of(home)
    assert {each.tie for each in found} == {TIE_DISPOSITIONS}
    assert {each.reach for each in found} == {Reach.CYCLE}
    assert kind in {each.kind for each in found}
    assert any(said in each.expected for each in found), found
    assert all(each.size.startswith(("1 event", "15 events")) for each in found)


def test_a_log_of_many_batches_ties_with_every_verdict_in_it(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    events = january(5)
    ingest(home, events[:7])
    conflict = replace_tokens(events[2])
    ingest(home, [*events[5:], events[3], conflict, events[4] | {"id": "bad", "time": "never"}, events[14]])
    home.log.compact(rows_min=0)
    ingest(home, [events[0], events[14], call(99, "acme", "2026-01-30T00:00:00Z")])
    assert breaks_of(home) == []


def replace_tokens(event: dict[str, object]) -> dict[str, object]:
    return event | {"data": {"tokens": 999_999}}


def test_fewer_events_than_a_source_states_are_missing_until_they_come(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    events = january(5)
    ingest(home, events[:-1])
    state(home, 15)
    (found,) = breaks_of(home)
    assert (found.tie, found.kind, found.size) == (TIE_CONTROL_TOTAL, BreakClass.MISSING, "1 event")
    kept = home.books.breaks.open()
    assert [(each.customer, each.found) for each in kept] == [(None, found)]
    ingest(home, events[-1:], "backfill.ndjson")
    assert breaks_of(home) == []
    assert home.books.breaks.open() == ()
    assert [each.found for each in home.books.breaks.of("acme")] == [found]


def test_more_events_than_stated_are_duplicates_and_another_sum_does_not_add_up(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    ingest(home, january(5))
    state(home, 14, id="more")
    state(home, 15, id="sum", field="tokens", total="1")
    found = {each.kind: each for each in breaks_of(home)}
    assert set(found) == {BreakClass.DUPLICATE, BreakClass.ARITHMETIC}
    assert found[BreakClass.DUPLICATE].size == "1 event"
    tokens = 3 * sum(100 + 37 * number for number in range(5))
    assert found[BreakClass.ARITHMETIC].size == f"0 events, tokens {tokens - 1}"


def test_a_statement_about_another_time_or_that_still_runs_holds_nothing(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    ingest(home, january(5))
    for id, start, end in (
        ("before", "2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z"),
        ("running", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
    ):
        stated = control_total(
            source="gateway", id=id, type="api.call", start=start, end=end, events="7", field=None, total=None
        )
        state_control_total(home, stated, by="gateway")
    assert breaks_of(home) == []


def test_numbers_that_never_came_hold_the_cycle_until_they_come(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    ingest(home, numbered(3, 4, 7, 8, 10))
    (found,) = breaks_of(home)
    assert (found.tie, found.kind, found.size) == (TIE_SEQUENCE, BreakClass.MISSING, "3 events")
    assert "5-6, 9 never came" in found.found
    ingest(home, numbered(5, 6, 9), "backfill.ndjson")
    assert breaks_of(home) == []


def test_a_gap_between_events_of_another_time_holds_nothing(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    before = [
        call(number, "acme", f"2025-12-{number:02d}T10:00:00Z") | {"sequence": str(number)}
        for number in (3, 9)
    ]
    ingest(home, [*before, call(10, "acme", "2026-01-05T00:00:00Z") | {"sequence": "10"}])
    assert breaks_of(home) == []


def test_an_open_alert_holds_the_cycle_until_a_person_closes_it(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    clock.set_to(parse_instant("2026-01-20T10:00:00Z"))
    ingest(home, january(70)[:200], "usual.ndjson")
    clock.set_to(parse_instant("2026-01-21T10:00:00Z"))
    bad = [call(10_000 + place, "acme", "never") for place in range(150)]
    ingest(home, bad, "bad.ndjson")
    watch_to_head(home)
    clock.set_to(FEBRUARY_3)
    (alert,) = list_alerts(home)
    (found,) = breaks_of(home)
    assert (found.tie, found.kind, found.reach) == (TIE_ALERT, BreakClass.MISSING, Reach.CYCLE)
    assert alert.id in found.next_action
    close_alert(home, alert.id, by="Chi", reason="a test client of ours, known")
    assert breaks_of(home) == []


def test_only_accounts_whose_period_is_touched_are_held(town: tuple[Home, SteppedClock]) -> None:
    """The first hours of January in Auckland are December in UTC and in New York."""
    home, _ = town
    ingest(home, january(5))
    stated = control_total(
        source="gateway",
        id="new-year",
        type="api.call",
        start="2025-12-31T12:00:00Z",
        end="2025-12-31T13:00:00Z",
        events="1",
        field=None,
        total=None,
    )
    state_control_total(home, stated, by="gateway")
    report = close(home, as_of=FEBRUARY_3)
    held = {customer for customer, _, outcome in report.outcomes if isinstance(outcome, Held)}
    assert held == {CustomerId("cedar")} and len(report.outcomes) == len(ZONES)


@dataclass(frozen=True)
class Miscounting:
    """An engine that loses the first event of each snapshot's count, and nothing else."""

    engine: object

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return getattr(self.engine, name)

    def differing_dispositions(self, told, manifest):  # type: ignore[no-untyped-def]
        cut = replace(
            manifest, tail=tuple(replace(part, table=part.table.slice(1)) for part in manifest.tail)
        )
        return self.engine.differing_dispositions(told, cut)  # type: ignore[attr-defined]


def test_an_event_that_cannot_be_read_back_is_named_by_the_logs_tie_alone(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    ingest(home, january(5))
    found = breaks_of(replace(home, engine=Miscounting(home.engine)))  # type: ignore[arg-type]
    assert {each.tie for each in found} == {TIE_DISPOSITIONS}
    assert "14 accepted stored" in next(each.found for each in found if "gateway" in each.found)
