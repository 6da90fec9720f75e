"""A close killed anywhere is finished by running it again: L11, L12 and gapless numbers hold, as does every
amount.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, ZONES, ingest, january, make_home
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import LineId
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]
POINTS = (
    "close-after-start:1",
    "seal-after-number:1",
    "seal-before-commit:2",
    "seal-after-commit:1",
    "seal-after-commit:3",
    "close-before-outcomes:1",
)


@pytest.fixture(scope="module")
def ready_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose January is due and not closed."""
    folder = tmp_path_factory.mktemp("ready") / "home"
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
    return folder


def run_close(home: Path, crash_at: str | None) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    if crash_at is not None:
        environment["CRASH_AT"] = crash_at
    command = [sys.executable, "-m", "tests.faults.close_driver", str(home)]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


def sealed_documents(folder: Path) -> dict[str, bytes]:
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        return {row.id: show_invoice(home, row.id).document for row in list_invoices(home)}


@pytest.fixture(scope="module")
def undisturbed(ready_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(ready_home, folder)
    assert run_close(folder, None) == 0
    return sealed_documents(folder)


@pytest.mark.parametrize("crash_at", POINTS)
def test_a_close_killed_here_is_finished_by_the_next(
    ready_home: Path, undisturbed: dict[str, bytes], tmp_path: Path, crash_at: str
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready_home, folder)
    assert run_close(folder, crash_at) == -signal.SIGKILL
    survived = sealed_documents(folder)
    assert len(survived) < len(ZONES) or "after-commit:3" in crash_at or "outcomes" in crash_at
    assert run_close(folder, None) == 0
    finished = sealed_documents(folder)
    assert {invoice: finished[invoice] for invoice in survived} == survived
    assert finished == undisturbed
    numbers = sorted(json.loads(document)["number"] for document in finished.values())
    assert numbers == [f"INV-{ordinal:06d}" for ordinal in range(1, len(ZONES) + 1)]
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        for document in finished.values():
            line = json.loads(document)["lines"][-1]["id"]
            assert trace(home, LineId(line)).reproduced.matches


def test_two_closes_at_once_seal_each_account_once(ready_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready_home, folder)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.faults.close_driver", str(folder)]
    running = [subprocess.Popen(command, env=environment, cwd=ROOT) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    documents = [json.loads(document) for document in sealed_documents(folder).values()]
    assert sorted(document["number"] for document in documents) == ["INV-000001", "INV-000002", "INV-000003"]
    assert sorted(document["customer"]["id"] for document in documents) == sorted(ZONES)
