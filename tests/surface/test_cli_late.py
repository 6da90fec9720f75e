"""Late events stand beside the sealed paper, wherever it is shown; the document itself never changes."""

from __future__ import annotations

from pathlib import Path

from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tests.surface.conftest import in_process
from tieout.aggregate.window import ClippedSpan
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.mapped_late import without
from tieout.flows.measure_usage import usage
from tieout.kernel.ids import CustomerId, Subject
from tieout.kernel.instant import Instant

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


SUBJECT = """
[[subject]]
subject = "key-extra"
customer = "acme"
from = 2026-01-01T00:00:00Z
"""


def test_usage_of_a_subject_mapped_after_the_seal_is_shown(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        extra = call(9001, "acme", "2026-01-20T00:00:00Z", tokens=11)
        ingest(home, [*january(5), {**extra, "subject": "key-extra"}])
        close(home, as_of=FEBRUARY_3)
        assert usage(home, CustomerId("acme"), at=FEBRUARY_3).mapped_late == ()
        (tmp_path / "subject.toml").write_text(SUBJECT)
        apply_catalog(home, tmp_path / "subject.toml")
    where = ("--home", str(tmp_path / "home"))
    rows = in_process("usage", "acme", "--json", *where).json["mapped_late"]
    found = {(row["meter"], row["event_count"], row["quantity"], *row["subjects"]) for row in rows}
    assert found == {("calls", 1, "1", "key-extra"), ("tokens", 1, "11", "key-extra")}
    assert "given to the customer after the seal" in in_process("usage", "acme", *where).out
    assert in_process("usage", "birch", "--json", *where).json["mapped_late"] == []


def test_of_a_span_only_what_nobody_holds_is_left() -> None:
    def span(start: int, end: int) -> ClippedSpan:
        return ClippedSpan(Subject("s"), Instant(start), Instant(end))

    whole = span(10, 20)
    assert without(whole, []) == [whole]
    assert without(whole, [whole]) == without(whole, [span(0, 15), span(14, 30)]) == []
    assert without(whole, [span(12, 14), span(18, 30)]) == [span(10, 12), span(14, 18)]
    assert without(whole, [span(0, 10), span(20, 30)]) == [whole]
