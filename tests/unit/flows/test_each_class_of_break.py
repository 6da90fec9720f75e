"""Each class of break, injected, is found by its own tie and by no other, with its size and next action; and
clears itself once it is repaired. One row for each class and way in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.small_home import FEBRUARY_3, MARCH_3, call, ingest, january, make_home
from tests.unit.flows.test_cycle_ties import state
from tieout.aggregate.snapshot import Snapshot
from tieout.close.breaks import Break, BreakClass, Reach
from tieout.close.outcome import Held
from tieout.close.reconcile import TIE_RECOUNT
from tieout.close.reconcile_buckets import TIE_BUCKETS
from tieout.close.reconcile_cycle import TIE_CONTROL_TOTAL
from tieout.close.reconcile_sealed import TIE_KNOWN_USAGE, TIE_SEALED_AMOUNT, TIE_SEALED_USAGE
from tieout.flows import correct
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.reconcile_now import open_breaks, reconcile_now
from tieout.flows.retract_event import Decision, retract_event
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import parse_instant
from tieout.kernel.quantity import Quantity
from tieout.store.sqlite import open_engine

NEW_YEAR = parse_instant("2026-01-01T00:00:00Z")
Change = Callable[[Home], Home | None]


@dataclass(frozen=True)
class Injected:
    """`inject` breaks it, `repair` mends it at its source (None: it takes a waiver, see `test_waivers.py`);
    either may give another home to go on with."""

    name: str
    kind: BreakClass
    tie: str
    size: str
    action: str
    reach: Reach
    inject: Change
    repair: Change | None
    is_sealed: bool = False


def found_by(home: Home) -> list[Break]:
    """What a close holds and notes, and what has become of sealed papers; each once."""
    report = close(home, as_of=home.clock.now())
    held = [found for *_, each in report.outcomes if isinstance(each, Held) for found in each.breaks]
    noted = [each.found for each in open_breaks(home) if each.found.reach is Reach.NOTED]
    sealed = reconcile_now(home, as_of=home.clock.now(), start=NEW_YEAR).drifted
    return list(dict.fromkeys([*held, *noted, *(found for _, breaks in sealed for found in breaks)]))


def tampered(*statements: str) -> Change:
    def change(home: Home) -> None:
        engine = open_engine(home.folder / "books.db", schema="books")
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    return change


@dataclass(frozen=True)
class Wrong:
    """An engine that answers otherwise for acme's meter of that name, and honestly for all others."""

    engine: object
    meter: str
    change: Callable[[Snapshot], Snapshot]

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return getattr(self.engine, name)

    def measure_each(self, requests, manifest):  # type: ignore[no-untyped-def]
        answers = self.engine.measure_each(requests, manifest)  # type: ignore[attr-defined]
        return [
            self.change(each) if (each.meter, each.customer) == (self.meter, "acme") else each
            for each in answers
        ]


def miscounting(meter: str, changed: Callable[[Snapshot], Snapshot]) -> Change:
    return lambda home: replace(home, engine=Wrong(home.engine, meter, changed))  # type: ignore[arg-type]


def honest(home: Home) -> Home:
    return replace(home, engine=home.engine.engine)  # type: ignore[attr-defined]


def fewer(each: Snapshot) -> Snapshot:
    count = each.event_count - 1
    return replace(each, event_count=count, fingerprint=replace(each.fingerprint, count=count))


def others(each: Snapshot) -> Snapshot:
    return replace(each, fingerprint=replace(each.fingerprint, a=each.fingerprint.a ^ 1))


def another_order(each: Snapshot) -> Snapshot:
    return replace(each, quantity=each.quantity + Quantity.of(3))


def more(each: Snapshot) -> Snapshot:
    count = each.event_count + 1
    return replace(each, event_count=count, fingerprint=replace(each.fingerprint, count=count))


def sent_twice(home: Home) -> None:
    ingest(home, [*january(5), january(5)[0] | {"id": "sent-again"}])
    state(home, 15)


def withheld(home: Home) -> None:
    ingest(home, january(5)[:-1])
    state(home, 15)


def with_usage(home: Home) -> None:
    ingest(home, january(5))


def come_late(home: Home) -> None:
    ingest(home, [call(900, "acme", "2026-01-30T00:00:00Z", tokens=7)], "late.ndjson")


def corrected(home: Home) -> None:
    report = correct.preview(home, person="Chi", reason="it came late", customers=None)
    assert report.digest is not None
    correct.approve(home, report.digest, person="Bram", reason="read")
    assert isinstance(home.clock, SteppedClock)
    home.clock.set_to(MARCH_3)
    close(home, as_of=MARCH_3)


def of_a_stranger(home: Home) -> None:
    ingest(home, [*january(5), call(901, "stranger", "2026-01-20T00:00:00Z")])


def before_the_contract(home: Home) -> None:
    ingest(home, [*january(5), call(902, "acme", "2025-12-31T15:00:00Z")])


def retracted(number: int) -> Change:
    def change(home: Home) -> None:
        name = str(call(number, "acme", "2026-01-01T00:00:00Z")["id"])
        retract_event(home, source="gateway", event_id=name, decision=Decision("a test of ours", by="Dana"))
        assert isinstance(home.clock, SteppedClock)
        home.clock.set_to(MARCH_3)  # the next close with an account notes what it finds

    return change


TABLE = [
    Injected(
        *("an event sent under two ids", BreakClass.DUPLICATE, TIE_CONTROL_TOTAL, "1 event"),
        *("have finance, ops and engineering waive it", Reach.CYCLE, sent_twice, None),
    ),
    Injected(
        *("a measurement that counts one twice", BreakClass.DUPLICATE, TIE_RECOUNT, "1 event"),
        *("tieout verify", Reach.ACCOUNT, miscounting("calls", more), honest),
    ),
    Injected(
        *("an event that never came", BreakClass.MISSING, TIE_CONTROL_TOTAL, "1 event"),
        *("send again", Reach.CYCLE, withheld, with_usage),
    ),
    Injected(
        *("a measurement that lost an event", BreakClass.MISSING, TIE_RECOUNT, "1 event"),
        *("tieout verify", Reach.ACCOUNT, miscounting("calls", fewer), honest),
    ),
    Injected(
        *("a last value of another order", BreakClass.OUT_OF_ORDER, TIE_RECOUNT, "3 GB"),
        *("tieout verify", Reach.ACCOUNT, miscounting("stored", another_order), honest),
    ),
    Injected(
        *("a measurement of other events", BreakClass.BACKFILL_DRIFT, TIE_RECOUNT, "up to 5 events"),
        *("as many events as the log has", Reach.ACCOUNT, miscounting("calls", others), honest),
    ),
    Injected(
        *("a backfill after the seal", BreakClass.BACKFILL_DRIFT, TIE_KNOWN_USAGE, "1 event"),
        *("tieout correction preview", Reach.NOTED, come_late, corrected),
        is_sealed=True,
    ),
    Injected(
        *("sealed usage that is not its events", BreakClass.BACKFILL_DRIFT, TIE_SEALED_USAGE, "snapshot "),
        *("restore it from the backup", Reach.ACCOUNT),
        tampered(
            "DROP TRIGGER snapshot_no_update",
            "UPDATE snapshot SET excluded_count = excluded_count + 1 WHERE meter = 'calls' "
            "AND customer = 'acme'",
        ),
        tampered(
            "UPDATE snapshot SET excluded_count = excluded_count - 1 WHERE meter = 'calls' "
            "AND customer = 'acme'"
        ),
        is_sealed=True,
    ),
    Injected(
        *("a sealed amount that is not its usage's", BreakClass.RERATING_DRIFT, TIE_SEALED_AMOUNT),
        *("charge ", "a version that supersedes it", Reach.ACCOUNT),
        tampered(
            "DROP TRIGGER charge_no_update",
            "UPDATE charge SET unit = 'shout' WHERE price = 'calls-usd' AND subscription LIKE 'acme%'",
        ),
        tampered("UPDATE charge SET unit = 'call' WHERE price = 'calls-usd' AND subscription LIKE 'acme%'"),
        is_sealed=True,
    ),
    Injected(
        *("usage of nobody", BreakClass.UNMATCHED, TIE_BUCKETS, "1 event"),
        *("give the subject to its customer", Reach.NOTED, of_a_stranger, retracted(901)),
    ),
    Injected(
        *("usage without a price", BreakClass.UNPRICED, TIE_BUCKETS, "1 event"),
        *("add a price", Reach.NOTED, before_the_contract, retracted(902)),
    ),
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        yield made


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_class_is_found_by_its_own_tie_and_clears_itself(home: Home, row: Injected) -> None:
    if row.is_sealed or row.reach is Reach.ACCOUNT:
        ingest(home, january(5))
    if row.is_sealed:
        assert found_by(home) == []
    broken = row.inject(home) or home
    found = found_by(broken)
    assert {(each.kind, each.tie, each.reach) for each in found} == {(row.kind, row.tie, row.reach)}
    assert all(each.size.startswith(row.size) and row.action in each.next_action for each in found), found
    if row.repair is not None:
        assert found_by(row.repair(broken) or home) == []


def test_every_class_has_a_row() -> None:
    """`arithmetic` is what does not add up: no accident of usage; its ties have tests of their own."""
    assert {row.kind for row in TABLE} == set(BreakClass) - {BreakClass.ARITHMETIC}
