"""Three processes close one home on PostgreSQL at once: each account is sealed once, numbers have no gap, and
balances move once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.balances import make_balances_home, movements, plainly, two_months
from tests.small_home import FEBRUARY_3, ZONES, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import LineId
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]
CLOSERS = 3


@pytest.fixture
def on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)


def close_at_once(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.faults.close_driver", str(folder)]
    running = [subprocess.Popen(command, env=environment, cwd=ROOT) for _ in range(CLOSERS)]
    assert [process.wait(timeout=120) for process in running] == [0] * CLOSERS


@pytest.mark.usefixtures("on_postgres")
def test_three_closes_at_once_seal_each_account_once(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
    close_at_once(folder)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as opened:
        documents = [json.loads(show_invoice(opened, row.id).document) for row in list_invoices(opened)]
        assert sorted(each["number"] for each in documents) == ["INV-000001", "INV-000002", "INV-000003"]
        assert sorted(each["customer"]["id"] for each in documents) == sorted(ZONES)
        for document in documents:
            assert all(trace(opened, LineId(line["id"])).reproduced.matches for line in document["lines"])
        assert close(opened, as_of=FEBRUARY_3).invoices == ()
        outcomes = opened.books.closes.latest()
        assert {found.outcome for found in outcomes} == {"sealed"}


def test_three_closes_at_once_move_balances_as_one_close_does_on_sqlite(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, _ = make_balances_home(tmp_path / "alone", now=FEBRUARY_3)
    with alone:
        two_months(alone)
        close(alone, as_of=FEBRUARY_3)
        expected = {customer: plainly(movements(alone, customer)) for customer in ZONES}
    assert any(movement.startswith("used/") for rows in expected.values() for movement, _, _ in rows)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    folder = tmp_path / "home"
    home, _ = make_balances_home(folder, now=FEBRUARY_3)
    with home:
        two_months(home)
    close_at_once(folder)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as opened:
        assert {customer: plainly(movements(opened, customer)) for customer in ZONES} == expected
        assert verify_books(opened).findings == ()
