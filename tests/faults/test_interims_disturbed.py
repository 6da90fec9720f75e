"""Interim invoices under closes that are killed or run at once, on both databases: each crossing is billed
once, the final takes them off once, and together they ask what one invoice would.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.close_laws import Expected, broken_laws
from tests.faults.closers import Closers, closers_started, steps_of_the_close
from tests.faults.harness import tally
from tests.interims import interim_home, send
from tieout.flows.ingest_file import ingest_file
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import parse_instant
from tieout.wiring import open_home

JANUARY_11, FEBRUARY_2 = parse_instant("2026-01-11T00:00:00Z"), parse_instant("2026-02-02T06:00:00Z")
DUE = Expected(
    {"harbor": 1}, events=3, known={("harbor", "2026-01-01"): Decimal("150.00")}, meters=("egress",)
)
"""300, 100 and 100 GB at 0.30."""
LATER = {
    **{"specversion": "1.0", "id": "c", "source": "edge", "type": "egress", "subject": "harbor"},
    **{"time": "2026-01-15T00:00:00Z", "data": {"gigabytes": "100", "region": "eu"}},
}


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


def crossed(folder: Path) -> Path:
    """400 GB, 120.00 USD, by 10 January, over the 100.00 of the rule; and 100 GB later."""
    folder.mkdir(exist_ok=True)
    stage = interim_home(folder)
    with stage.home:
        early = (("a", "2026-01-05T00:00:00Z", "300", "eu"), ("b", "2026-01-06T00:00:00Z", "100", "us"))
        send(stage, "2026-01-10T00:00:00Z", *early)
    return folder / "home"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crossed(tmp_path_factory.mktemp("ready"))


def papers(folder: Path) -> list[dict[str, Any]]:
    with open_home(folder, clock=SteppedClock(FEBRUARY_2)) as home:
        return [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]


def later(folder: Path) -> None:
    """What comes after the interim."""
    file = folder / "later.ndjson"
    file.write_text(json.dumps(LATER) + "\n")
    with open_home(folder, clock=SteppedClock(parse_instant("2026-01-20T00:00:00Z"))) as home:
        ingest_file(home, file, format=None, source=None)


def check(folder: Path) -> None:
    assert [(each["kind"], each["total"]) for each in papers(folder)] == [
        ("interim", "120.00"),
        ("final", "30.00"),
    ]
    with open_home(folder, clock=SteppedClock(FEBRUARY_2)) as home:
        assert broken_laws(home, DUE) == []


@pytest.mark.parametrize("step", steps_of_the_close())
def test_a_close_killed_while_it_bills_an_interim_or_the_final_bills_each_once(
    ready: Path, closers: Closers, tmp_path: Path, step: str
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready, folder)
    at_crossing = {"now": [int(JANUARY_11)], "as_of": int(JANUARY_11)}
    at_end = {"now": [int(FEBRUARY_2)], "as_of": int(FEBRUARY_2)}
    assert closers.close(folder, crash_at=f"{step}:1", **at_crossing) == -signal.SIGKILL
    assert closers.close(folder, **at_crossing) == 0
    assert [each["total"] for each in papers(folder)] == ["120.00"]
    later(folder)
    assert closers.close(folder, crash_at=f"{step}:1", **at_end) == -signal.SIGKILL
    assert closers.close(folder, **at_end) == 0
    check(folder)
    tally.injected(2)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_closes_at_once_bill_a_crossing_once_and_take_it_off_once(
    database: str, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    folder = crossed(tmp_path)
    with closers_started() as closers:
        assert closers.close_at_once(folder, 4, now=[int(JANUARY_11)], as_of=int(JANUARY_11)) == [0] * 4
        assert [each["total"] for each in papers(folder)] == ["120.00"]
        later(folder)
        assert closers.close_at_once(folder, 4, now=[int(FEBRUARY_2)], as_of=int(FEBRUARY_2)) == [0] * 4
    check(folder)
    tally.injected(8)
