"""A review on SQLite and on PostgreSQL: the same revisions, words, differences and invoices; and drafts,
closes and people at once leave one story that anybody can read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.reviewed_home import AFTER_THE_WINDOW, DRAFTED_AT, IN_THE_WINDOW, close_at, make_reviewed_home
from tests.small_home import ZONES, call, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.drafts import approve_delta, draft_history, list_drafts, note_draft, redraft, show_draft
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.manual_lines import LineOrder, add_line, decide_line, list_lines
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.gateways.entropy import SystemEntropy
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant
from tieout.rate.manual_line import LineDecision
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]
JANUARY = parse_instant("2026-01-15T00:00:00Z")
CREDIT = LineOrder("acme", JANUARY, None, "-2.50", "Credit for the outage", None)


def told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    counter = count()
    monkeypatch.setattr(SystemEntropy, "token", lambda _self, size: next(counter).to_bytes(size, "big"))
    home, clock = make_reviewed_home(folder)
    with home:
        ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z") for n in range(10)])
        close(home, as_of=DRAFTED_AT)
        (row,) = list_drafts(home)
        name = row.draft.invoice
        note_draft(home, name, person="Fay", text="looks high")
        ingest(home, [call(50, "acme", "2026-01-30T12:00:00Z")], "more.ndjson")
        clock.set_to(IN_THE_WINDOW)
        redraft(home, name, person="Dana", reason="backfill")
        delta = show_draft(home, name).draft.delta
        assert delta is not None
        approve_delta(home, name, digest=delta, person="Erin", reason="right")
        line = add_line(home, CREDIT, person="Dana", reason="agreed")
        decide_line(home, line.id, LineDecision.APPROVED, person="Erin", reason="right")
        close_at(home, clock, AFTER_THE_WINDOW)
        report = close_at(home, clock, parse_instant("2026-02-09T00:00:00Z"))
        view = show_draft(home, name)
        (invoice,) = list_invoices(home)
        document = json.loads(show_invoice(home, invoice.id).document)
        traces = [trace(home, LineId(each["id"])).reproduced.matches for each in document["lines"]]
        revisions = [
            (each.revision, each.state, each.cutoff, each.person, each.reason, each.difference)
            for each in draft_history(home, name)
        ]
        lines = list_lines(home)
        assert verify_books(home).findings == ()
    del document["policy"]["signatures"]
    return {
        "outcomes": report.outcomes,
        "document": document,
        "traces": traces,
        "revisions": revisions,
        "entries": [(each.revision, each.kind, each.person, each.text) for each in view.entries],
        "lines": lines,
    }


def test_both_databases_tell_the_same_review(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite", monkeypatch)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    on_postgres = told(tmp_path / "postgres", monkeypatch)
    for part, expected in on_sqlite.items():
        assert on_postgres[part] == expected, part
    assert on_sqlite["document"]["number"] == "INV-000001" and len(on_sqlite["revisions"]) == 3  # type: ignore[index, arg-type]
    assert on_sqlite["document"]["lines"][-1]["amount"] == "-2.50"  # type: ignore[index]
    engine = open_engine(postgres_url, schema="books")
    for table in ("draft", "review_entry", "manual_line", "manual_line_decision"):
        for statement in (
            f"DELETE FROM {table}",
            f"UPDATE {table} SET person = 'Eve'",
            f"TRUNCATE {table} CASCADE",
        ):
            with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
                connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_closes_at_once_draft_once_and_seal_once(
    database: str, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    folder = tmp_path / "home"
    home, _ = make_reviewed_home(folder, customers=tuple(ZONES))
    with home:
        ingest(home, january(3))
    run_at_once(folder, DRAFTED_AT)
    with open_home(folder, clock=SteppedClock(DRAFTED_AT)) as opened:
        assert [row.draft.revision for row in list_drafts(opened)] == [1, 1, 1]
        assert list_invoices(opened) == ()
    run_at_once(folder, parse_instant("2026-02-20T00:00:00Z"))
    with open_home(folder, clock=SteppedClock(DRAFTED_AT)) as opened:
        numbers = sorted(row.number or "" for row in list_invoices(opened))
        assert numbers == ["INV-000001", "INV-000002", "INV-000003"]
        assert verify_books(opened).findings == () and list_drafts(opened) == ()


def run_at_once(folder: Path, now: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.faults.close_driver", str(folder), str(now)]
    running = [subprocess.Popen(command, env=environment, cwd=ROOT) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_line_is_on_the_invoice_or_its_approval_is_refused(
    database: str, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved at the very moment of a close that nobody reviews: never approved and left out."""
    if database == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    folder = tmp_path / "home"
    home, _ = make_home(folder, now=AFTER_THE_WINDOW)
    with home:
        ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z") for n in range(5)])
        lines = [
            add_line(home, replace(CREDIT, description=f"Credit {n}"), person="Dana", reason="agreed")
            for n in range(6)
        ]
        refused: list[str] = []

        def approve() -> None:
            with open_home(folder, clock=SteppedClock(AFTER_THE_WINDOW)) as other:
                for line in lines:
                    try:
                        decide_line(other, line.id, LineDecision.APPROVED, person="Erin", reason="right")
                    except ConflictError as error:
                        refused.append(f"{line.id}: {error}")

        person = threading.Thread(target=approve)
        person.start()
        while person.is_alive():
            close(home, as_of=AFTER_THE_WINDOW)
        person.join()
        close(home, as_of=AFTER_THE_WINDOW)
        (invoice,) = [row for row in list_invoices(home) if row.customer == "acme"]
        printed = {line["price"] for line in json.loads(show_invoice(home, invoice.id).document)["lines"]}
        for row in list_lines(home):
            approved = row.line.is_approved
            assert approved == (row.line.price in printed), (row, refused)
        assert verify_books(home).findings == ()
