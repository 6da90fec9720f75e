"""Processes that draft for a close: what fails or is killed in one of them stops no account but its own."""

from __future__ import annotations

import os
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults import many_customers
from tests.faults.close_laws import Expected, broken_laws, documents_of
from tests.faults.harness import tally
from tests.faults.many_customers import EVENTS_EACH, make_home_of, names
from tests.small_home import FEBRUARY_3, POLICY, sign_policy
from tieout.close.outcome import Parked, Sealed
from tieout.flows import count_buckets, draft_accounts, seal_account, shared_drafts
from tieout.flows.close_periods import close
from tieout.flows.forked import answers_in_order
from tieout.flows.required_evidence import record_verification
from tieout.flows.verify_log import verify_log
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.wiring import open_home

CUSTOMERS = 60
UNLUCKY = names(CUSTOMERS)[CUSTOMERS // 2]
HERE = os.getpid()


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "home"
    home, _ = make_home_of(folder, CUSTOMERS)
    home.close()
    return folder


@pytest.fixture
def folder(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shared_drafts, "SHARED_MIN", 1)
    monkeypatch.setattr(shared_drafts, "ACCOUNTS_PER_PART", 7)
    shutil.copytree(ready, tmp_path / "home")
    return tmp_path / "home"


def test_answers_come_in_order_whatever_becomes_of_a_worker() -> None:
    def compute(part: int) -> bytes:
        if os.getpid() != HERE and part == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        if os.getpid() != HERE and part == 9:
            raise MemoryError
        return bytes([part]) * (1 + part * 300_000)

    for workers in (1, 2, 3, 40):
        found = list(answers_in_order(20, compute, workers=workers))
        assert [(each[0], len(each)) for each in found] == [(n, 1 + n * 300_000) for n in range(20)]


def test_where_no_process_can_be_had_all_is_computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError("no process")

    monkeypatch.setattr(os, "fork", refused)
    assert list(answers_in_order(5, lambda part: bytes([part]), workers=2)) == [
        b"\0",
        b"\1",
        b"\2",
        b"\3",
        b"\4",
    ]


def children() -> set[str]:
    """Processes that this one has started and not yet waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}


def test_what_fails_in_a_worker_is_raised_here_and_no_worker_stays() -> None:
    def compute(part: int) -> bytes:
        if part == 3:
            raise ValueError("part 3")
        return b"x" * 3_000_000

    before = children()
    with pytest.raises(ValueError, match="part 3"):
        list(answers_in_order(8, compute, workers=2))
    assert children() <= before


@pytest.mark.parametrize("module_and_step", [(draft_accounts, "reconcile"), (seal_account, "sealed_rows")])
def test_a_worker_that_is_killed_drops_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, module_and_step: tuple[Any, str]
) -> None:
    module, step = module_and_step
    sound = getattr(module, step)

    def killed(*given: Any, **named: Any) -> Any:
        if os.getpid() != HERE and UNLUCKY in repr(given):
            os.kill(os.getpid(), signal.SIGKILL)
        return sound(*given, **named)

    monkeypatch.setattr(module, step, killed)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        close(home, as_of=FEBRUARY_3, workers=2)
        periods = dict.fromkeys(names(CUSTOMERS), 1)
        assert broken_laws(home, Expected(periods, events=EVENTS_EACH * CUSTOMERS)) == []
    tally.injected()


@pytest.mark.parametrize("module_and_step", [(draft_accounts, "reconcile"), (seal_account, "sealed_rows")])
def test_an_account_that_fails_in_a_worker_is_parked_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, module_and_step: tuple[Any, str]
) -> None:
    module, step = module_and_step
    sound = getattr(module, step)

    def failing(*given: Any, **named: Any) -> Any:
        if UNLUCKY in repr(given):
            raise ZeroDivisionError("by zero")
        return sound(*given, **named)

    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        with monkeypatch.context() as patched:
            patched.setattr(module, step, failing)
            report = close(home, as_of=FEBRUARY_3, workers=3)
        parked = [
            (customer, outcome) for customer, _, outcome in report.outcomes if isinstance(outcome, Parked)
        ]
        assert [(customer, outcome.reason) for customer, outcome in parked] == [
            (UNLUCKY, "ZeroDivisionError: by zero")
        ]
        sealed = documents_of(home)
        assert len(sealed) == CUSTOMERS - 1
        close(home, as_of=FEBRUARY_3, workers=3)
        repaired = Expected(dict.fromkeys(names(CUSTOMERS), 1), events=EVENTS_EACH * CUSTOMERS)
        assert broken_laws(home, repaired, sealed_before=sealed) == []
    tally.injected()


def test_workers_draft_where_a_policy_asks_for_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on record is judged here, of all that they drafted; papers are those of one process alone."""
    monkeypatch.setattr(shared_drafts, "SHARED_MIN", 1)
    monkeypatch.setattr(shared_drafts, "ACCOUNTS_PER_PART", 5)
    asking = partial(sign_policy, text=POLICY + 'requires = ["verified_log"]\n')
    monkeypatch.setattr(many_customers, "sign_policy", asking)
    home, _ = make_home_of(tmp_path / "home", 12)
    home.close()
    shutil.copytree(tmp_path / "home", tmp_path / "alone")
    sound = draft_accounts.reconcile

    def only_in_workers(*given: Any) -> Any:
        assert os.getpid() != HERE, "drafted by the process that seals"
        return sound(*given)

    sealed = []
    for name, workers in (("alone", 1), ("home", 2)):
        with (
            open_home(tmp_path / name, clock=SteppedClock(FEBRUARY_3)) as home,
            monkeypatch.context() as patch,
        ):
            if workers > 1:
                patch.setattr(draft_accounts, "reconcile", only_in_workers)
            before = close(home, as_of=FEBRUARY_3, workers=workers)
            assert {type(outcome) for _, _, outcome in before.outcomes} == {Parked}
            record_verification(home, verify_log(home), person="Chi", findings=0)
            after = close(home, as_of=FEBRUARY_3, workers=workers)
            assert {type(outcome) for _, _, outcome in after.outcomes} == {Sealed}
            sealed.append((before.outcomes, after.outcomes, documents_of(home)))
    assert sealed[0] == sealed[1]


def test_buckets_that_cannot_be_counted_beside_usage_stop_no_seal(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are a report, and are counted again after the last seal."""
    counted = count_buckets.periods_counted
    asked: list[int] = []

    def fails_first(*given: Any) -> Any:
        asked.append(1)
        if len(asked) == 1:
            raise MemoryError
        return counted(*given)

    monkeypatch.setattr(count_buckets, "periods_counted", fails_first)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        report = close(home, as_of=FEBRUARY_3, workers=2)
    assert len(report.invoices) == CUSTOMERS and len(asked) == 2
    assert sum(row.counted for row in report.buckets) > 0


def test_buckets_of_planned_accounts_are_those_of_the_catalog(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an account's plan told need not be worked out again, and gives the same."""
    asked: list[tuple[Any, ...]] = []
    worked_out = count_buckets.bucket_requests

    def noted(*given: Any) -> Any:
        asked.append(given)
        return worked_out(*given)

    monkeypatch.setattr(count_buckets, "bucket_requests", noted)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        close(home, as_of=FEBRUARY_3, workers=2)
    ((catalog, envelope, plans),) = (given for given in asked if given[2:])
    assert len(plans) == CUSTOMERS
    assert worked_out(catalog, envelope, plans) == worked_out(catalog, envelope)
    half = Period(envelope.start, Instant((envelope.start + envelope.end) // 2))
    assert worked_out(catalog, half, plans) == worked_out(catalog, half)
