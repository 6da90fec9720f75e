"""Whoever credits, voids or approves is killed: it is done whole or not at all, and is done by doing it
again; the close goes on from either, wherever it is killed itself, and the laws hold."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.close_laws import Expected, broken_laws, documents_of, traced
from tests.faults.closers import Closers, closers_started, steps_of_the_close
from tests.faults.decider import REFUSED, start
from tests.faults.harness import tally
from tests.small_home import FEBRUARY_3, MARCH_3, ZONES, call, ingest, january, make_home
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import close
from tieout.flows.correct import approve, preview
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection
from tieout.wiring import open_home

ACME = CustomerId("acme")
JANUARY, FEBRUARY = ("acme", "2026-01-01"), ("acme", "2026-02-01")
FEBRUARY_10 = parse_instant("2026-02-10T00:00:00Z")
LATE = [call(9001, "acme", "2026-01-05T00:00:00Z", tokens=10_000, gigabytes="0.5")]
SENT = january(5)
OF_ACME = [event for event in SENT if event["subject"] == "key-acme"]

CHEAPER = """
[[price]]
key = "calls-usd"
version = 2
effective_from = 2025-01-01T00:00:00Z
supersedes = 1
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.01"
"""


def asked(events: Sequence[dict[str, Any]], *, each_call: str = "0.015") -> Decimal:
    """What these events of a month cost, with its fee: each line rounded by itself."""
    tokens = sum(Decimal(event["data"]["tokens"]) for event in events)
    tiers = min(tokens, Decimal(5000)) * 2 + max(tokens - 5000, Decimal(0)) * Decimal("1.5")
    said = sorted(
        (event["time"], event["data"]["gigabytes"]) for event in events if "gigabytes" in event["data"]
    )
    stored = Decimal(said[-1][1]) if said else Decimal(0)
    lines = [Decimal(10), len(events) * Decimal(each_call), tiers / 1000, stored * Decimal("0.25")]
    return sum((line.quantize(Decimal("0.01"), ROUND_HALF_UP) for line in lines), Decimal(0))


def due(months: int, events: int, **known: Decimal) -> Expected:
    of = {"january": JANUARY, "february": FEBRUARY}
    return Expected(
        dict.fromkeys(ZONES, months), events, known={of[name]: amount for name, amount in known.items()}
    )


@dataclass(frozen=True)
class Ready:
    """A home whose January is sealed. `number` is the invoice of acme, `digest` a report about the event that
    came late."""

    folder: Path
    number: str
    digest: str


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("ready") / "home"
    home, clock = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, SENT)
        close(home, as_of=clock.now())
        clock.set_to(FEBRUARY_10)
        (row,) = list_invoices(home, ACME)
        ingest(home, LATE, "late.ndjson")
        late = preview(home, person="Ann", reason="a queue was stuck", customers=(ACME,))
        assert row.number is not None and late.digest is not None
        return Ready(folder, row.number, late.digest)


@pytest.fixture
def folder(ready: Ready, tmp_path: Path) -> Path:
    shutil.copytree(ready.folder, tmp_path / "home")
    return tmp_path / "home"


def opened(folder: Path, now: Instant = FEBRUARY_10) -> Home:
    return open_home(folder, clock=SteppedClock(now))


def test_a_killed_void_is_there_or_not_and_its_replacement_is_sealed_once(
    ready: Ready, folder: Path, closers: Closers
) -> None:
    killed = start(folder, FEBRUARY_10, "void", ready.number, crash_at="void-before-commit:1")
    assert killed.wait(timeout=60) == -signal.SIGKILL
    with opened(folder) as home:
        assert home.books.corrections.voids() == ()
        before = documents_of(home)
        assert broken_laws(home, due(1, len(SENT), january=asked(OF_ACME))) == []
    assert start(folder, FEBRUARY_10, "void", ready.number).wait(timeout=60) == 0
    assert closers.close(folder, now=[int(FEBRUARY_10)], as_of=int(FEBRUARY_10)) == 0
    with opened(folder) as home:
        assert [each.invoice.number for each in home.books.corrections.voids()] == [ready.number]
        replaced = due(1, len(SENT) + 1, january=asked([*OF_ACME, *LATE]))
        assert broken_laws(home, replaced, sealed_before=before) == []
        assert traced(home, documents_of(home))
    tally.injected()


def test_a_killed_approval_applies_its_price_with_it_or_neither(tmp_path: Path, closers: Closers) -> None:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, SENT)
        close(home, as_of=clock.now())
        (tmp_path / "cheaper.toml").write_text(CHEAPER)
        report = preview(
            home, person="Ann", reason="0.01 was agreed", catalog_folder=tmp_path / "cheaper.toml"
        )
        assert report.digest is not None
    folder = tmp_path / "home"
    killed = start(folder, FEBRUARY_10, "approve", report.digest, crash_at="correction-before-commit:1")
    assert killed.wait(timeout=60) == -signal.SIGKILL
    with opened(folder) as home:
        assert [each.approvals for each in home.books.corrections.reports()] == [()]
        assert load_catalog(home).prices.version("calls-usd", 2) is None
    assert start(folder, FEBRUARY_10, "approve", report.digest).wait(timeout=60) == 0
    assert closers.close(folder, now=[int(MARCH_3)], as_of=int(MARCH_3)) == 0
    with opened(folder, MARCH_3) as home:
        cheap = due(
            2, len(SENT), january=asked(OF_ACME, each_call="0.01"), february=asked([], each_call="0.01")
        )
        assert broken_laws(home, cheap) == []
        assert traced(home, documents_of(home))
    tally.injected()


@pytest.mark.parametrize("step", [each for each in steps_of_the_close() if each.startswith("seal-")])
def test_a_close_killed_while_it_bills_a_correction_bills_it_once(
    ready: Ready, folder: Path, closers: Closers, step: str
) -> None:
    with opened(folder) as home:
        approve(home, ready.digest, person="Bob", reason="looked at")
        before = documents_of(home)
    march = {"now": [int(MARCH_3)], "as_of": int(MARCH_3), "rows": 1}
    assert closers.close(folder, crash_at=f"{step}:1", **march) == -signal.SIGKILL
    assert closers.close(folder, **march) == 0
    assert closers.close(folder, **march) == 0
    with opened(folder, MARCH_3) as home:
        corrected = due(2, len(SENT) + 1, january=asked([*OF_ACME, *LATE]), february=asked([]))
        assert broken_laws(home, corrected, sealed_before=before) == []
        assert traced(home, documents_of(home))
    tally.injected()


@pytest.mark.parametrize("step", ["credit-before-offset", "seal-before-commit", "seal-after-commit"])
def test_a_killed_credit_is_against_its_invoice_or_not_there(ready: Ready, folder: Path, step: str) -> None:
    """Never on the customer's balance, while the invoice stays open."""
    killed = start(folder, FEBRUARY_10, "credit", ready.number, "1", crash_at=f"{step}:1")
    assert killed.wait(timeout=60) == -signal.SIGKILL
    undisturbed = due(1, len(SENT), january=asked(OF_ACME))
    with opened(folder) as home:
        owed, notes = of_account(home, Account.RECEIVABLE), len(list_invoices(home, ACME)) - 1
        assert (notes, of_account(home, Account.CUSTOMER_BALANCE)) == (int(step == "seal-after-commit"), 0)
        assert broken_laws(home, undisturbed) == []
    again = start(folder, FEBRUARY_10, "credit", ready.number, "1").wait(timeout=60)
    assert again == (REFUSED if notes else 0), "nothing is left of the line"
    with opened(folder) as home:
        assert of_account(home, Account.RECEIVABLE) == (owed if notes else owed - 10_00)
        assert of_account(home, Account.CUSTOMER_BALANCE) == 0
        assert broken_laws(home, undisturbed) == []
    tally.injected()


def of_account(home: Home, account: Account) -> int:
    balances = home.books.ledger.balances(Selection(customer=ACME, account=account))
    return sum(each.amount.minor for each in balances)
