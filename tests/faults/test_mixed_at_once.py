"""Eight at once on one home: closes, one of them killed with numbers in hand, whoever voids, credits and lets
a correction be billed, while a customer's running month has to be billed inside it. No number is missing or
given twice, the interim invoice is sealed once and taken off once, and the laws hold."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.faults.clock_homes import ACME, NOW, sealed_home
from tests.faults.close_laws import broken_papers, documents_of, traced
from tests.faults.closers import closers_started
from tests.faults.decider import REFUSED
from tests.faults.harness import tally
from tests.faults.test_corrections_killed import FEBRUARY_10
from tests.small_home import POLICY, call, ingest
from tieout.flows.correct import preview
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.wiring import open_home

INSIDE_A_MONTH = """
[policy.off_cycle]
customers = ["cedar"]
exposure_over = { USD = "50.00" }
"""
OF_MARCH = call(9100, "cedar", "2026-03-02T00:00:00Z", tokens=40_000)
"""One call, 0.015 = 0.02 USD; 5,000 tokens at 2 and 35,000 at 1.50 a thousand, 62.50: together 62.52. Only
the fee is left for the end of March."""
INTERIM, FINAL = "62.52", "10.00"
APRIL_3 = parse_instant("2026-04-03T12:00:00Z")


@pytest.mark.parametrize("books", ["sqlite", "postgres"])
def test_numbers_have_no_gap_whatever_runs_at_once(
    tmp_path: Path, books: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if books == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", request.getfixturevalue("postgres_url"))
    folder = tmp_path / "home"
    sealed_home(folder, policy=POLICY + INSIDE_A_MONTH)
    with open_home(folder, clock=SteppedClock(NOW)) as home:
        ingest(home, [OF_MARCH], "march.ndjson")
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
        for end in (NOW, APRIL_3):
            assert closers.close(folder, as_of=int(end), now=[int(end)]) == 0
    with open_home(folder, clock=SteppedClock(APRIL_3)) as home:
        assert broken_papers(home, sealed_before=before) == []
        assert traced(home, documents_of(home))
        voided = len(home.books.corrections.voids())
        finals = [row for row in list_invoices(home) if row.kind == "final"]
        assert len(finals) == 3 * 3 + voided, "nobody is skipped, nobody is billed twice"
        assert of_march(home) == [("final", FINAL), ("interim", INTERIM)]
    tally.injected()


def of_march(home: Home) -> list[tuple[str, str]]:
    """Kind and total of cedar's papers for March; its zone is ahead of UTC."""
    papers = [json.loads(document) for document in documents_of(home).values()]
    return sorted(
        (each["kind"], each["total"])
        for each in papers
        if each["customer"]["id"] == "cedar" and each["period"]["start"] == "2026-02-28T11:00:00Z"
    )
