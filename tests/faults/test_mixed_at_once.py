"""Eight at once on one home: closes, one of them killed with numbers in hand, whoever voids, credits and lets
a correction be billed. No number is missing or given twice, and the laws hold."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.clock_homes import ACME, NOW, sealed_home
from tests.faults.close_laws import broken_papers, documents_of, traced
from tests.faults.closers import closers_started
from tests.faults.decider import REFUSED
from tests.faults.harness import tally
from tests.faults.test_corrections_killed import FEBRUARY_10
from tieout.flows.correct import preview
from tieout.flows.invoices import list_invoices
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.wiring import open_home


@pytest.mark.parametrize("books", ["sqlite", "postgres"])
def test_numbers_have_no_gap_whatever_runs_at_once(
    tmp_path: Path, books: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if books == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", request.getfixturevalue("postgres_url"))
    folder = tmp_path / "home"
    sealed_home(folder)
    with open_home(folder, clock=SteppedClock(FEBRUARY_10)) as home:
        report = preview(home, person="Ann", reason="a queue was stuck", customers=(ACME,))
        numbers = {
            customer: list_invoices(home, CustomerId(customer))[0].number for customer in ("acme", "birch")
        }
        before = documents_of(home)
    close = {"as_of": int(NOW), "rows": 1}
    mixed = [
        close,
        {**close, "crash_at": "seal-after-number:2"},
        {"decide": ["credit", numbers["acme"], "1"]},
        close,
        {"decide": ["void", numbers["birch"]]},
        {"decide": ["approve", report.digest]},
        close,
        {"decide": ["credit", numbers["acme"], "2"]},
    ]
    with closers_started() as closers:
        codes = closers.close_at_once(folder, len(mixed), mixed=mixed, now=[int(NOW)])
        assert codes[1] in (-signal.SIGKILL, 0), "or another was faster"
        assert {codes[0], codes[3], codes[6]} == {0}
        assert {codes[2], codes[4], codes[5], codes[7]} <= {0, REFUSED}
        assert closers.close(folder, as_of=int(NOW), now=[int(NOW)]) == 0
    with open_home(folder, clock=SteppedClock(NOW)) as home:
        assert broken_papers(home, sealed_before=before) == []
        assert traced(home, documents_of(home))
        voided = len(home.books.corrections.voids())
        finals = [row for row in list_invoices(home) if row.kind == "final"]
        assert len(finals) == 2 * 3 + voided, "nobody is skipped, nobody is billed twice"
    tally.injected()
