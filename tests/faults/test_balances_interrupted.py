"""A close killed anywhere leaves an invoice with its movements or neither; the next adds each of them
once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.balances import make_balances_home, movements, plainly, two_months
from tests.faults.test_close_interrupted import POINTS, ROOT, run_close
from tests.small_home import FEBRUARY_3, ZONES
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

Left = dict[str, list[tuple[str, str, str]]]


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


@pytest.mark.parametrize("crash_at", POINTS)
def test_a_killed_close_leaves_invoice_and_movements_or_neither(
    ready_home: Path, tmp_path: Path, crash_at: str
) -> None:
    undisturbed = tmp_path / "undisturbed"
    folder = tmp_path / "home"
    for copy in (undisturbed, folder):
        shutil.copytree(ready_home, copy)
    assert run_close(undisturbed, None) == 0
    assert run_close(folder, crash_at) == -signal.SIGKILL
    survived, sealed = left_in(folder)
    named = {
        each[0].split("/")[1] for rows in survived.values() for each in rows if each[0].startswith("used/")
    }
    assert named <= sealed
    assert run_close(folder, None) == 0
    finished = left_in(folder)
    assert finished == left_in(undisturbed)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        close(home, as_of=FEBRUARY_3)
    assert left_in(folder) == finished


def test_closes_at_once_record_each_movement_once(ready_home: Path, tmp_path: Path) -> None:
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "home"
    for copy in (undisturbed, folder):
        shutil.copytree(ready_home, copy)
    assert run_close(undisturbed, None) == 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.faults.close_driver", str(folder)]
    running = [subprocess.Popen(command, env=environment, cwd=ROOT) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert left_in(folder) == left_in(undisturbed)
