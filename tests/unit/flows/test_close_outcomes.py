"""Every account of a close ends in a stated outcome, and one account's trouble is nobody else's (L15)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.small_home import FEBRUARY_3, MARCH_3, ZONES, call, ingest, january, make_home
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.close.account import AccountOutcome
from tieout.close.outcome import Held, NotDue, Parked, Sealed
from tieout.flows.apply_catalog import NoSuchCustomer, apply_catalog
from tieout.flows.check_health import doctor
from tieout.flows.close_periods import FutureClose, close
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.measure_usage import usage
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import INSTANT_MIN, Instant, parse_instant
from tieout.kernel.quantity import Quantity, QuantityOverflow
from tieout.ports import LogManifest, UsageEngine

ACME = CustomerId("acme")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
        yield home, clock


def kinds(home: Home, **options: object) -> dict[str, type]:
    report = close(home, as_of=FEBRUARY_3, **options)  # type: ignore[arg-type]
    return {customer: type(outcome) for customer, _, outcome in report.outcomes}


def test_all_are_sealed_and_then_none_is_due(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    assert set(kinds(home).values()) == {Sealed}
    assert set(kinds(home).values()) == {NotDue}
    assert len(list_invoices(home)) == len(ZONES)
    assert list_invoices(home, ACME)[0].number == "INV-000001"


def test_a_dry_run_shows_the_drafts_and_writes_nothing(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    report = close(home, as_of=FEBRUARY_3, dry_run=True)
    assert [row.status for row in report.invoices] == ["ready"] * len(ZONES)
    assert {row.number for row in report.invoices} == {None}
    assert list_invoices(home) == () and home.books.closes.latest() == ()
    sealed = close(home, as_of=FEBRUARY_3)
    assert [(row.id, row.total) for row in sealed.invoices] == [
        (row.id, row.total) for row in report.invoices
    ]


def test_only_the_chosen_customers_are_closed(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    assert kinds(home, customers=(ACME,)) == {"acme": Sealed}
    assert {row.customer for row in list_invoices(home)} == {"acme"}
    with pytest.raises(NoSuchCustomer) as refusal:
        close(home, as_of=FEBRUARY_3, customers=(CustomerId("nobody"),))
    assert refusal.value.exit_code == 3


def test_the_grace_is_waited_out_and_the_future_cannot_be_closed(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    report = close(home, as_of=parse_instant("2026-02-01T12:00:00Z"))
    found = {customer: outcome for customer, _, outcome in report.outcomes}
    assert found["acme"] == NotDue(parse_instant("2026-02-02T00:00:00Z"))
    assert isinstance(found["cedar"], Sealed), "Auckland's January ended 13 hours earlier"
    with pytest.raises(FutureClose) as refusal:
        close(home, as_of=MARCH_3)
    assert refusal.value.exit_code == 2


def test_a_close_as_of_the_first_instant_there_is_finds_nothing_due(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    for instant in (INSTANT_MIN, Instant(INSTANT_MIN + 1)):
        report = close(home, as_of=instant)
        assert {type(outcome) for _, _, outcome in report.outcomes} == {NotDue}
        assert all(isinstance(each, NotDue) and each.due_at is not None for _, _, each in report.outcomes)


def test_without_a_policy_that_governs_the_start_the_period_is_parked(tmp_path: Path) -> None:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    text = (tmp_path / "home" / "papers" / "catalog.toml").read_text()
    later = text[text.index("[[customer]]") :].split("[[customer]]")[1].replace("acme", "early")
    later = later.replace("2026-01-01T00:00:00Z", "2025-12-01T00:00:00Z").replace("2025-12-31", "2025-12-01")
    (tmp_path / "early.toml").write_text("[[customer]]" + later)
    with home:
        apply_catalog(home, tmp_path / "early.toml")
        report = close(home, as_of=FEBRUARY_3, customers=(CustomerId("early"),))
        (december, january_) = report.outcomes
        assert isinstance(december[2], Parked) and "no signed policy" in december[2].reason
        assert december[2].next_action
        assert isinstance(january_[2], Sealed)
        parked = [line for line in doctor(home) if line.name == "accounts"]
        assert not parked[0].ok and "early" in parked[0].detail
        assert clock.now() == FEBRUARY_3


@dataclass(frozen=True)
class MeddlingEngine:
    """An engine whose answers for one customer are changed."""

    engine: UsageEngine
    change: Callable[[Snapshot], Snapshot | QuantityOverflow]

    def measure_each(
        self, requests: Sequence[UsageRequest], manifest: LogManifest
    ) -> list[Snapshot | QuantityOverflow]:
        answers = self.engine.measure_each(requests, manifest)
        return [
            self.change(answer) if isinstance(answer, Snapshot) and answer.customer == "birch" else answer
            for answer in answers
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def one_more(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, quantity=snapshot.quantity + Quantity.of(1))


def overflow(snapshot: Snapshot) -> QuantityOverflow:
    return QuantityOverflow(f"meter {snapshot.meter}")


def test_a_break_holds_its_account_and_says_what_does_not_tie(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    lying = replace(home, engine=MeddlingEngine(home.engine, one_more))
    assert kinds(lying) == {"acme": Sealed, "birch": Held, "cedar": Sealed}
    (held,) = [found for found in home.books.closes.latest() if found.outcome == "held"]
    assert "raw events = snapshot" in held.reason and held.next_action
    assert kinds(home) == {"acme": NotDue, "birch": Sealed, "cedar": NotDue}
    numbers = sorted(row.number or "" for row in list_invoices(home))
    assert numbers == ["INV-000001", "INV-000002", "INV-000003"], "a held account takes no number"


def test_an_overflow_parks_its_account_alone(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    assert kinds(replace(home, engine=MeddlingEngine(home.engine, overflow))) == {
        "acme": Sealed,
        "birch": Parked,
        "cedar": Sealed,
    }


@pytest.mark.parametrize(
    "error", [ValueError("odd"), AssertionError("broken"), KeyError("x"), ZeroDivisionError()]
)
def test_any_failure_while_sealing_parks_that_account(
    town: tuple[Home, SteppedClock], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from tieout.flows import seal_account

    home, _ = town
    sound = seal_account.sealed_rows

    def failing(ready, invoice, sealed_at):  # type: ignore[no-untyped-def]
        if ready.account.customer == "birch":
            raise error
        return sound(ready, invoice, sealed_at)

    monkeypatch.setattr(seal_account, "sealed_rows", failing)
    assert kinds(home) == {"acme": Sealed, "birch": Parked, "cedar": Sealed}
    monkeypatch.undo()
    assert kinds(home) == {"acme": NotDue, "birch": Sealed, "cedar": NotDue}
    assert sorted(row.number or "" for row in list_invoices(home)) == [f"INV-00000{n}" for n in (1, 2, 3)]


def test_every_event_is_in_a_bucket_and_late_ones_are_seen(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    ingest(
        home,
        [
            call(9001, "stranger", "2026-01-05T00:00:00Z"),
            call(9002, "acme", "2026-01-05T00:00:00Z", environment="test"),
        ],
        "more.ndjson",
    )
    rows = {row.meter: row for row in close(home, as_of=FEBRUARY_3).buckets}
    assert (rows["calls"].counted, rows["calls"].excluded_count, rows["calls"].unmatched) == (15, 1, 1)
    assert rows["calls"].excluded == (("non-production", 1),)
    assert rows["stored"].excluded == (("no value", 1), ("non-production", 1)), "each by its first reason"
    assert rows["calls"].late == 0
    ingest(home, [call(9003, "acme", "2026-01-31T23:59:59Z", tokens=5)], "late.ndjson")
    cutoff, head = home.books.invoices.snapshots()[0].watermark, home.log.head()
    assert home.books.invoices.snapshots(before=Watermark(cutoff)) == ()
    assert home.books.invoices.snapshots(before=head) == home.books.invoices.snapshots()
    late = usage(home, ACME, at=FEBRUARY_3).late
    found = {(row.meter, row.event_count, str(row.quantity)) for row in late}
    assert found == {("calls", 1, "1"), ("tokens", 1, "5")}, "without a size it says nothing about storage"
    again = close(home, as_of=FEBRUARY_3)
    assert {row.meter: row.late for row in again.buckets}["tokens"] == 1
    assert again.invoices == ()


TWO_PRICES = """
[[price]]
key = "calls-extra-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "calls"
currency = "USD"
description = "Routing"
shape = "per_unit"
unit_amount = "0.001"

[[price]]
key = "calls-usd"
version = 2
effective_from = 2026-01-15T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.02"

[[plan]]
key = "basic"
version = 2
effective_from = 2025-12-31T00:00:00Z
name = "Basic"
currency = "USD"
prices = ["fee-usd", "calls-usd", "calls-extra-usd"]
"""


def test_two_prices_on_one_meter_of_which_one_changes_are_both_billed(
    town: tuple[Home, SteppedClock], tmp_path: Path
) -> None:
    home, _ = town
    (tmp_path / "two.toml").write_text(TWO_PRICES)
    apply_catalog(home, tmp_path / "two.toml")
    assert set(kinds(home).values()) == {Sealed}
    document = json.loads(show_invoice(home, list_invoices(home, ACME)[0].id).document)
    billed = [(line["price"], line["price_version"], line["quantity"]) for line in document["lines"]]
    assert ("calls-extra-usd", 1, "5") in billed
    calls = [int(quantity) for price, _, quantity in billed if price == "calls-usd"]
    assert len(calls) == 2 and sum(calls) == 5


def test_a_period_is_billed_in_the_customer_s_zone(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    close(home, as_of=FEBRUARY_3)
    starts = {row.customer: row.period.start for row in list_invoices(home)}
    assert starts["birch"] == parse_instant("2026-01-01T00:00:00-05:00")
    assert starts["cedar"] == parse_instant("2026-01-01T00:00:00+13:00")


def test_an_account_that_was_parked_and_is_sealed_since_is_healthy(town: tuple[Home, SteppedClock]) -> None:
    """As after a close that was killed once it had sealed, and before it could record so."""
    home, _ = town
    close(home, as_of=FEBRUARY_3)
    (invoice, *_) = home.books.invoices.sealed(ACME)
    run = home.books.closes.start(as_of=FEBRUARY_3, cutoff=home.log.head(), cutoff_at=FEBRUARY_3)
    parked = AccountOutcome(ACME, invoice.period, Parked("a test", "wait"))
    home.books.closes.record(run, [parked])
    assert {line.name: line.ok for line in doctor(home)}["accounts"]
