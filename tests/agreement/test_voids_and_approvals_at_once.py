"""A void and the approval of a correction at once: whichever is first, the usage is billed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agreement.test_corrections_sqlite_equals_postgres import (
    ACME,
    at_once,
    opened,
    sealed,
)
from tests.small_home import call, ingest
from tieout.flows.close_periods import close
from tieout.flows.correct import preview
from tieout.flows.invoices import list_invoices
from tieout.flows.verify_books import verify_books

__all__ = ["sealed"]


def test_a_void_and_an_approval_at_once_bill_the_usage_once(
    sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, number = sealed
    with opened(folder) as home:
        ingest(home, [call(9001, "acme", "2026-01-05T00:00:00Z", tokens=10_000)], "late.ndjson")
        digest = preview(home, person="Ann", reason="a queue was stuck").digest
        assert digest is not None
    told = at_once(folder, monkeypatch, ("void", number), ("approve", digest))
    assert sorted(told)[0] == "done" and set(told) <= {"done", "stale-report", "papers-moved"}
    with opened(folder) as home:
        for _ in range(2):
            close(home, as_of=home.clock.now())
        rows = list_invoices(home, ACME)
        voided = {each.invoice.id for each in home.books.corrections.voids()}
        assert len([each for each in rows if each.id not in voided and each.kind == "final"]) == 1
        assert preview(home, person="Ann", reason="again").digest is None
        assert verify_books(home).findings == ()
