"""A close killed anywhere leaves an invoice with its movements or neither; the next adds each of them
once."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.balances import make_balances_home, movements, plainly, two_months
from tests.faults.closers import Closers, closers_started, steps_of_the_close
from tests.small_home import FEBRUARY_3, ZONES
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

Left = dict[str, list[tuple[str, str, str]]]


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


@pytest.fixture(scope="module")
def ready_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("balances") / "home"
    home, _ = make_balances_home(folder, now=FEBRUARY_3)
    with home:
        two_months(home)
    return folder


def left_in(folder: Path) -> tuple[Left, set[str]]:
    """Movements by customer, and the sealed invoices."""
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        found = {customer: plainly(movements(home, customer)) for customer in ZONES}
        assert verify_books(home).findings == ()
        return found, {row.id for row in list_invoices(home)}


@pytest.fixture(scope="module")
def undisturbed(ready_home: Path, closers: Closers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(ready_home, folder)
    assert closers.close(folder) == 0
    return folder


@pytest.mark.parametrize("passed", [1, 3])
@pytest.mark.parametrize("step", [step for step in steps_of_the_close() if step.startswith("seal-")])
def test_a_killed_close_leaves_invoice_and_movements_or_neither(
    ready_home: Path, undisturbed: Path, closers: Closers, tmp_path: Path, step: str, passed: int
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready_home, folder)
    assert closers.close(folder, crash_at=f"{step}:{passed}", rows=1) == -signal.SIGKILL
    survived, sealed = left_in(folder)
    named = {
        each[0].split("/")[1] for rows in survived.values() for each in rows if each[0].startswith("used/")
    }
    assert named <= sealed
    assert closers.close(folder) == 0
    finished = left_in(folder)
    assert finished == left_in(undisturbed)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        close(home, as_of=FEBRUARY_3)
    assert left_in(folder) == finished


def test_closes_at_once_record_each_movement_once(
    ready_home: Path, undisturbed: Path, closers: Closers, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready_home, folder)
    assert closers.close_at_once(folder, 3) == [0, 0, 0]
    assert left_in(folder) == left_in(undisturbed)
