"""`tieout draft ...` as a person runs it: what is printed, what is refused, and with which exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reviewed_home import DRAFTED_AT, make_reviewed_home
from tests.small_home import call, ingest
from tests.surface.conftest import Ran, in_process
from tieout.flows.close_periods import close

HOSTILE = "in_\x1b[31m"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one draft in review. The commands run by the system's clock, long after its review."""
    where = tmp_path_factory.mktemp("drafts") / "home"
    home, _ = make_reviewed_home(where, policy='requires = ["approved_draft"]\n')
    with home:
        ingest(home, [call(n, "acme", f"2026-01-{n + 1:02}T12:00:00Z") for n in range(10)])
        close(home, as_of=DRAFTED_AT)
    yield where


def run(folder: Path, *arguments: str) -> Ran:
    return in_process(*arguments, TIEOUT_HOME=str(folder))


def the_draft(folder: Path) -> dict[str, str]:
    (found,) = run(folder, "draft", "list", "--json").json
    return found  # type: ignore[no-any-return]


def test_list_show_and_history(folder: Path) -> None:
    found = the_draft(folder)
    assert (found["state"], found["revision"], found["may_be_sealed"]) == ("in review", 1, False)
    assert found["waits_for"] == "an approval, which its policy requires"
    listed = run(folder, "draft", "list")
    assert found["invoice"] in listed.out and "an approval" in listed.out
    shown = run(folder, "draft", "show", found["invoice"])
    assert shown.code == 0 and "Invoice draft, no number yet" in shown.out
    assert f"tieout draft approve {found['invoice']} --sha256 {found['sha256'][:16]}" in shown.err
    view = run(folder, "draft", "show", found["invoice"], "--json").json
    assert view["document"]["total"] == "12.15" and view["entries"] == []
    assert "Ledger entries that the seal would post" in shown.out and "not posted" in shown.out
    proposed = {each["kind"]: each for each in view["proposed_entries"]}
    assert set(proposed) == {"accrual", "invoice"}
    assert {each["account"]: each["amount"] for each in proposed["invoice"]["postings"]} == {
        "receivable": "12.15",
        "unbilled-receivable": "-12.15",
    }
    (revision,) = run(folder, "draft", "history", found["invoice"], "--json").json
    assert (revision["by"], revision["reason"]) == (None, "the period ended")


def test_close_says_in_review_and_that_is_no_failure(folder: Path) -> None:
    closed = run(folder, "close", "--as-of", "2026-02-05T00:00:00Z", "--account", "acme", "--json")
    assert closed.code == 0
    (outcome,) = closed.json["outcomes"]
    assert (outcome["outcome"], outcome["revision"]) == ("in-review", 1)
    asked = ("close", "--as-of", "2026-02-05T00:00:00Z", "--account", "acme")
    assert run(folder, *asked, "--workers", "0").code == 2
    assert run(folder, *asked, "--workers", "3", "--json").json["outcomes"] == [outcome]
    told = run(folder, *asked, "--dry-run")
    assert (
        told.code == 0 and "1 in-review" in told.out and "an approval, which its policy requires" in told.out
    )


def test_what_is_refused(folder: Path) -> None:
    name, sha256 = the_draft(folder)["invoice"], the_draft(folder)["sha256"]
    approve = ("draft", "approve", name, "--by", "Erin", "--sha256")
    for code, arguments, said in (
        (3, ("draft", "show", HOSTILE), "There is no draft"),
        (3, ("draft", "show", name, "--revision", "9"), "no revision 9"),
        (2, (*approve, "xyz"), "is no digest"),
        (4, (*approve, "0" * 64), "is not that of the latest revision"),
        (4, ("draft", "approve-delta", name, "--by", "Erin", "--digest", sha256), "there is none to approve"),
        (2, ("draft", "note", name, "--by", "", "--text", "x"), "--by"),
        (2, ("draft", "note", name, "--by", "Erin", "--text", "x\x1b[31m"), "printable"),
        (3, ("draft", "approve-line", "ml_1", "--by", "Erin", "--reason", "x"), "There is no line"),
    ):
        ran = run(folder, *arguments)
        assert ran.code == code and said in ran.err, (arguments, ran)
        assert "\x1b" not in ran.out + ran.err and "Traceback" not in ran.err


def test_a_line_by_hand_from_its_record_to_the_invoice(folder: Path) -> None:
    line = (
        "draft",
        "add-line",
        "acme",
        "--period",
        "2026-01-15T00:00:00Z",
        "--by",
        "Dana",
        "--reason",
        "agreed",
    )
    wrong = run(folder, *line, "--amount", "1.005", "--description", "=1+1")
    assert wrong.code == 2 and "USD has 2 decimals" in wrong.err and "formula" in wrong.err
    assert run(folder, *line[:2], "nobody", *line[3:], "--amount", "1", "--description", "x").code == 3
    added = run(folder, *line, "--amount", "-2.50", "--description", "Credit for the outage", "--json")
    assert added.code == 0 and added.json["amount"] == "-2.50" and added.json["decision"] is None
    decide = (added.json["id"], "--reason", "right", "--by")
    assert run(folder, "draft", "approve-line", *decide, "Dana").code == 2
    approved = run(folder, "draft", "approve-line", *decide, "Erin", "--json")
    assert approved.code == 0 and approved.json["decision"]["by"] == "Erin"
    assert run(folder, "draft", "reject-line", *decide, "Fay").code == 4
    listed = run(folder, "draft", "lines", "--customer", "acme")
    assert listed.code == 0 and "(Erin:" in listed.out
    name = the_draft(folder)["invoice"]
    redrafted = run(folder, "draft", "redraft", name, "--by", "Fay", "--reason", "with the credit")
    assert (
        redrafted.code == 0
        and "manual line added" in " ".join(redrafted.out.split())
        and "-2.50" in redrafted.out
    )
    compared = run(folder, "draft", "diff", name, "--before", "1", "--after", "2", "--json")
    assert compared.json["lines"][0]["amount_after"] == "-2.50"
    sha256 = the_draft(folder)["sha256"]
    assert run(folder, "draft", "approve", name, "--sha256", sha256[:12], "--by", "Erin").code == 0
    closed = run(folder, "close", "--as-of", "2026-02-06T00:00:00Z", "--json")
    assert closed.json["outcomes"][0]["outcome"] == "sealed", closed.out
    assert run(folder, "draft", "note", name, "--by", "Erin", "--text", "late").code == 4
    (row,) = run(folder, "draft", "lines", "--json").json
    assert (row["state"], row["invoice"]) == ("billed", "INV-000001")
    shown = run(folder, "invoice", "show", "INV-000001")
    assert "credit added by Dana, approved by Erin" in shown.out
    last = run(folder, "invoice", "show", "INV-000001", "--json").json["lines"][-1]["id"]
    assert run(folder, "trace", last).code == 0
