"""A close that drafts for review, or seals what was reviewed, is killed anywhere: the next one goes on,
nothing is drafted or sealed twice, and no number is lost.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reviewed_home import AFTER_THE_WINDOW, DRAFTED_AT, make_reviewed_home
from tests.small_home import ZONES, ingest, january
from tieout.flows.drafts import draft_history, list_drafts
from tieout.flows.invoices import list_invoices
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ready_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready") / "home"
    home, _ = make_reviewed_home(folder, customers=tuple(ZONES))
    with home:
        ingest(home, january(3))
    return folder


def run_close(home: Path, now: Instant, crash_at: str | None) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    if crash_at is not None:
        environment["CRASH_AT"] = crash_at
    command = [sys.executable, "-m", "tests.faults.close_driver", str(home), str(now)]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


@pytest.mark.parametrize(
    "crash_at",
    ["close-after-start:1", "draft-before-commit:2", "draft-after-commit:1", "close-before-outcomes:1"],
)
def test_killed_while_it_drafts(ready_home: Path, tmp_path: Path, crash_at: str) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready_home, folder)
    assert run_close(folder, DRAFTED_AT, crash_at) == -signal.SIGKILL
    assert run_close(folder, DRAFTED_AT, None) == 0
    with open_home(folder, clock=SteppedClock(DRAFTED_AT)) as home:
        drafts = list_drafts(home)
        assert {row.draft.customer for row in drafts} == set(ZONES)
        assert [len(draft_history(home, row.draft.invoice)) for row in drafts] == [1, 1, 1]
        assert list_invoices(home) == ()


@pytest.mark.parametrize(
    "crash_at",
    ["seal-after-number:1", "seal-before-commit:1", "seal-after-commit:1", "close-before-outcomes:1"],
)
def test_killed_while_it_seals_what_was_reviewed(ready_home: Path, tmp_path: Path, crash_at: str) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready_home, folder)
    assert run_close(folder, DRAFTED_AT, None) == 0
    with open_home(folder, clock=SteppedClock(DRAFTED_AT)) as home:
        shown = {row.draft.invoice: row.draft.sha256 for row in list_drafts(home)}
    assert run_close(folder, AFTER_THE_WINDOW, crash_at) == -signal.SIGKILL
    assert run_close(folder, AFTER_THE_WINDOW, None) == 0
    with open_home(folder, clock=SteppedClock(AFTER_THE_WINDOW)) as home:
        rows = list_invoices(home)
        assert sorted(row.number or "" for row in rows) == ["INV-000001", "INV-000002", "INV-000003"]
        assert {row.id for row in rows} == set(shown)
        assert [len(draft_history(home, row.id)) for row in rows] == [1, 1, 1]
        assert verify_books(home).findings == ()
