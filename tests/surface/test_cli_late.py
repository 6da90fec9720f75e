"""Late events stand beside the sealed paper, wherever it is shown; the document itself never changes."""

from __future__ import annotations

from pathlib import Path

from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tests.surface.conftest import in_process
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice

LATE_ROWS = {("calls", 1, "1"), ("tokens", 1, "11")}


def test_what_came_late_stands_beside_the_sealed_invoice(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
        close(home, as_of=FEBRUARY_3)
        (acme, *_) = list_invoices(home)
        ingest(home, [call(9001, "acme", "2026-01-20T00:00:00Z", tokens=11)], "late.ndjson")
        sealed = show_invoice(home, acme.id).sha256
    where = ("--home", str(tmp_path / "home"))
    shown = in_process("invoice", "show", acme.id, "--json", *where).json
    assert {(row["meter"], row["event_count"], row["quantity"]) for row in shown["late"]} == LATE_ROWS
    assert {row["invoice"] for row in shown["late"]} == {acme.id} and shown["sha256"] == sealed
    assert "Late, in no invoice yet" in in_process("invoice", "show", acme.id, *where).out
    used = in_process("usage", "acme", "--at", "2026-01-10T00:00:00Z", "--json", *where).json
    assert used["late"] == shown["late"]
    assert "Late, in no invoice yet" in in_process("usage", "acme", *where).out


def test_where_nothing_is_late_it_says_so(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
        close(home, as_of=FEBRUARY_3)
        (first, *_) = list_invoices(home)
    where = ("--home", str(tmp_path / "home"))
    assert in_process("invoice", "show", first.id, "--json", *where).json["late"] == []
    assert "Late" not in in_process("invoice", "show", first.id, *where).out
    assert "No late events." in in_process("usage", "acme", "--at", "2026-01-10T00:00:00Z", *where).out
