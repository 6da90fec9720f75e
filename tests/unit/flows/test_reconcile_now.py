"""Between closes: ties are worked out and nothing is written; a rerun covers just what a repair touches, and
what it changes of anything shown waits for another person.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tests.unit.flows.test_cycle_ties import state
from tieout.close.breaks import BreakClass, Reach
from tieout.close.outcome import Held, Sealed
from tieout.close.reconcile_buckets import TIE_BUCKETS
from tieout.close.reconcile_cycle import TIE_CONTROL_TOTAL
from tieout.close.reconcile_sealed import TIE_SEALED_USAGE
from tieout.flows.close_periods import close
from tieout.flows.correct import SelfApproved
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.reconcile_now import (
    EmptyWindow,
    NoSuchDelta,
    NothingToRerun,
    approve,
    breaks_of,
    open_breaks,
    reconcile_now,
    rerun,
)
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.store.sqlite import open_engine

NEW_YEAR = parse_instant("2026-01-01T00:00:00Z")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
        yield home, clock


def test_a_run_says_what_a_close_would_and_writes_nothing(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    state(home, 16)
    found = reconcile_now(home, as_of=FEBRUARY_3)
    assert {type(outcome) for _, _, outcome in found.outcomes} == {Held}
    assert [each.tie for each in found.cycle] == [TIE_CONTROL_TOTAL]
    only = reconcile_now(home, as_of=FEBRUARY_3, customers=(CustomerId("acme"),))
    assert [customer for customer, _, _ in only.outcomes] == ["acme"]
    assert home.books.closes.latest() == () and home.books.breaks.open() == ()
    with pytest.raises(EmptyWindow):
        reconcile_now(home, as_of=FEBRUARY_3, start=FEBRUARY_3, until=FEBRUARY_3)


def test_sealed_papers_of_a_window_are_computed_again(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    close(home, as_of=FEBRUARY_3)
    found = reconcile_now(home, as_of=FEBRUARY_3, start=NEW_YEAR)
    assert (found.sealed, found.drifted) == (3, ())
    later = reconcile_now(home, as_of=FEBRUARY_3, start=parse_instant("2026-02-02T00:00:00Z"))
    assert later.sealed == 0
    engine = open_engine(home.folder / "books.db", schema="books")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER snapshot_no_update"))
        connection.execute(text("UPDATE snapshot SET quantity = '4' WHERE meter = 'calls'"))
    engine.dispose()
    drifted = reconcile_now(home, as_of=FEBRUARY_3, start=NEW_YEAR).drifted
    assert len(drifted) == 3
    breaks = [each for _, breaks in drifted for each in breaks]
    assert {(each.tie, each.kind) for each in breaks} == {(TIE_SEALED_USAGE, BreakClass.BACKFILL_DRIFT)}


def test_a_backfill_of_a_sealed_period_is_a_delta_report_that_another_person_approves(
    town: tuple[Home, SteppedClock],
) -> None:
    home, clock = town
    close(home, as_of=FEBRUARY_3)
    ingest(home, [call(900, "acme", "2026-01-30T00:00:00Z", tokens=1000)], "backfill.ndjson")
    number = list_invoices(home, CustomerId("acme"))[0].number
    assert number is not None
    found = rerun(home, number, person="Chi", reason="the gateway sent it late")
    assert found.sealed is not None and found.sealed.digest is not None
    (period,) = found.sealed.periods
    assert (period.customer, period.late_events) == ("acme", 1)
    with pytest.raises(SelfApproved):
        approve(home, found.sealed.digest, person="Chi", reason="mine")
    done = approve(home, found.sealed.digest[:12], person="Bram", reason="read")
    assert (done.digest, done.what) == (found.sealed.digest, "sealed periods")
    clock.set_to(parse_instant("2026-03-03T00:00:00Z"))
    report = close(home, as_of=clock.now(), customers=(CustomerId("acme"),))
    assert {type(outcome) for _, _, outcome in report.outcomes} == {Sealed}


def test_names_that_nothing_has_are_refused(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    with pytest.raises(NothingToRerun):
        rerun(home, "nobody", person="Chi", reason="why not")
    with pytest.raises(NothingToRerun):
        breaks_of(home, "nobody")
    assert breaks_of(home, "acme") == ()
    for digest in ("", "abc", "0123456789abcdef"):
        with pytest.raises(NoSuchDelta):
            approve(home, digest, person="Chi", reason="why not")


def test_usage_of_nobody_and_without_a_price_is_noted_and_holds_nothing(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    stranger = call(901, "stranger", "2026-01-20T00:00:00Z")
    early = call(902, "acme", "2025-12-31T15:00:00Z")  # inside Auckland's January, before acme subscribed
    ingest(home, [stranger, early], "more.ndjson")
    report = close(home, as_of=FEBRUARY_3)
    assert {type(outcome) for _, _, outcome in report.outcomes} == {Sealed}
    noted = [each.found for each in open_breaks(home)]
    assert {(each.tie, each.reach) for each in noted} == {(TIE_BUCKETS, Reach.NOTED)}
    calls = {each.kind: each.size for each in noted if "meter calls" in each.found}
    assert calls == {BreakClass.UNMATCHED: "1 event", BreakClass.UNPRICED: "1 event"}
