"""The same story on SQLite and on PostgreSQL: the same invoices, traced the same, and as immutable."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.measure_usage import usage
from tieout.flows.trace_line import trace
from tieout.gateways.entropy import SystemEntropy
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import parse_instant
from tieout.store.sqlite import begin_immediate, open_engine

SEALED = ("invoice", "invoice_line", "charge", "snapshot", "document", "signature", "meta")
IN_JANUARY = parse_instant("2026-01-10T00:00:00Z")


def told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the story leaves: documents without the policy's random keys, traces, late rows, outcomes.

    Both homes get the same identity secret: digests are keyed by it.
    """
    counter = count()
    monkeypatch.setattr(SystemEntropy, "token", lambda _self, size: next(counter).to_bytes(size, "big"))
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(6))
        report = close(home, as_of=FEBRUARY_3)
        again = close(home, as_of=FEBRUARY_3)
        ingest(home, [call(9001, "acme", "2026-01-20T00:00:00Z", tokens=11)], "late.ndjson")
        documents = [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]
        traces = [trace(home, LineId(line["id"])) for document in documents for line in document["lines"]]
        late = usage(home, CustomerId("acme"), at=IN_JANUARY).late
    for document in documents:
        del document["policy"]["signatures"]
    return {
        "outcomes": report.outcomes,
        "invoices": report.invoices,
        "again": (again.outcomes, again.invoices),
        "documents": documents,
        "traces": [
            (each.charge, each.snapshot, each.steps, each.reproduced, each.events.total) for each in traces
        ],
        "late": late,
    }


def test_both_databases_tell_the_same_story(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite", monkeypatch)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    on_postgres = told(tmp_path / "postgres", monkeypatch)
    monkeypatch.delenv("TIEOUT_DATABASE_URL")
    for part, expected in on_sqlite.items():
        assert on_postgres[part] == expected, part
    assert all(trace[3].matches for trace in on_sqlite["traces"])  # type: ignore[attr-defined]
    refuse_changes(postgres_url)


def refuse_changes(url: str) -> None:
    engine = open_engine(url, schema="books")
    for table in SEALED:
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
                connection.execute(text(statement))
    for statement in ("UPDATE invoice SET total_minor = 0", "UPDATE invoice_line SET amount_minor = 0"):
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
            connection.execute(text(statement))
    for statement in ("UPDATE signing_key SET person = 'Eve'", "DELETE FROM signing_key"):
        with pytest.raises(DBAPIError), begin_immediate(engine) as connection:
            connection.execute(text(statement))
    engine.dispose()
