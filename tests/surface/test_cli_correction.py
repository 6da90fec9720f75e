"""`tieout correction`, `tieout invoice credit` and `void`: two persons, one paper, bad input."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.small_home import FEBRUARY_3, call, ingest, january, make_home
from tests.surface.conftest import Ran, in_process
from tieout.flows.close_periods import close
from tieout.kernel.instant import parse_instant

ANN = ("--by", "Ann", "--reason", "a queue was stuck")
BOB = ("--by", "Bob", "--reason", "looked at")
TWO = (*ANN, "--approved-by", "Bob")
WRONG_PRICE = """
[[price]]
key = "calls-usd"
version = 2
effective_from = 2025-01-01T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.01"
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January is sealed, INV-000001 is acme's, and one event of it came late."""
    folder = tmp_path_factory.mktemp("kept") / "home"
    home, clock = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january())
        close(home, as_of=clock.now())
        clock.set_to(parse_instant("2026-02-10T00:00:00Z"))
        ingest(home, [call(9001, "acme", "2026-01-05T00:00:00Z", tokens=10_000)], "late.ndjson")
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(kept, tmp_path / "home"))


def run(folder: Path, *arguments: str) -> Ran:
    return in_process(*arguments, "--home", str(folder))


def told(folder: Path, *arguments: str) -> Any:
    ran = run(folder, *arguments, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def refused(folder: Path, code: int, *arguments: str) -> str:
    ran = run(folder, *arguments)
    assert (ran.code, ran.out) == (code, ""), ran.out + ran.err
    return ran.err


def test_a_correction_is_previewed_by_one_approved_by_another_and_listed(folder: Path) -> None:
    found = told(folder, "correction", "preview", *ANN, "--customer", "acme")
    (period,) = found["periods"]
    assert (period["customer"], period["invoice"], period["total"]) == ("acme", "INV-000001", "15.02")
    assert period["late_events"] == 1 and period["lines"][0]["before"]["amount"] == "0.30"
    said = run(folder, "correction", "preview", *ANN, "--customer", "acme")
    assert said.code == 0 and "15.02 USD" in said.out + said.err and "late event" in said.out + said.err
    first, *_ = listed = told(folder, "correction", "list")
    assert (first["by"], first["approvals"], first["papers"]) == ("Ann", [], [])
    assert {each["digest"] for each in listed} >= {found["digest"]}
    done = told(folder, "correction", "approve", found["digest"][:12], *BOB)
    assert done == {"digest": found["digest"], "approved_by": "Bob", "periods": 1, "applied": []}
    approvals = {each["digest"]: each["approvals"] for each in told(folder, "correction", "list")}
    assert [each["by"] for each in approvals[found["digest"]]] == ["Bob"]
    assert "Bob" in run(folder, "correction", "list").out


def test_who_may_not_approve_and_what_is_not_there_is_said(folder: Path) -> None:
    digest = told(folder, "correction", "preview", *ANN)["digest"]
    assert "another person" in refused(folder, 4, "correction", "approve", digest, *ANN)
    assert "correction list" in refused(folder, 3, "correction", "approve", "00000000", *BOB)
    assert "--reason" in refused(folder, 2, "correction", "approve", digest, "--by", "Bob")
    assert "--by" in refused(folder, 2, "correction", "preview", "--by", "", "--reason", "x")
    assert told(folder, "correction", "list")[0]["approvals"] == []


def test_nothing_to_correct_is_no_report(folder: Path) -> None:
    found = told(folder, "correction", "preview", *ANN, "--customer", "birch")
    assert (found["digest"], found["periods"], found["stopped"]) == (None, [], [])
    assert "Nothing to correct" in run(folder, "correction", "preview", *ANN, "--customer", "birch").err
    assert told(folder, "correction", "list") == []


def test_a_price_that_supersedes_nothing_is_no_correction(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "price.toml").write_text(WRONG_PRICE)
    said = refused(folder, 2, "correction", "preview", str(tmp_path / "price.toml"), *ANN)
    assert "supersedes" in said
    assert told(folder, "correction", "list") == []


def test_a_credit_says_what_became_of_it(folder: Path) -> None:
    found = told(
        folder,
        "invoice",
        "credit",
        "INV-000001",
        "--kind",
        "goodwill",
        "--line",
        "1",
        "--amount",
        "4.00",
        *TWO,
    )
    members = {name: found[name] for name in ("note", "amount", "tax", "applied", "rest", "to", "currency")}
    assert members == {
        **{"note": "INV-CN-000001", "amount": "4.00", "tax": "0.00", "applied": "4.00", "rest": "0.00"},
        **{"to": "balance", "currency": "USD"},
    }
    said = run(folder, "invoice", "credit", "INV-000001", "--kind", "goodwill", "--line", "1", "--all", *TWO)
    assert said.code == 0 and said.out.strip() == "INV-CN-000002" and "6.00 USD" in said.err


def test_a_credit_that_cannot_be_given_is_refused_with_the_reason(folder: Path) -> None:
    credit = ("invoice", "credit", "INV-000001", "--kind", "goodwill", "--line")
    assert "either --amount or --all" in refused(folder, 2, *credit, "1", *TWO)
    assert "either --amount or --all" in refused(folder, 2, *credit, "1", "--all", "--amount", "1", *TWO)
    assert "10.00 USD" in refused(folder, 4, *credit, "1", "--amount", "10.01", *TWO)
    assert "above zero" in refused(folder, 2, *credit, "1", "--amount", "-1", *TWO)
    assert "minor units" in refused(folder, 2, *credit, "1", "--amount", "0.001", *TWO)
    assert "another person" in refused(folder, 2, *credit, "1", "--all", *ANN, "--approved-by", " ann ")
    assert "no line" in refused(folder, 3, *credit, "99", "--all", *TWO)
    missing = ("invoice", "credit", "INV-999999", "--kind", "goodwill", "--line", "1", "--all", *TWO)
    assert "INV-999999" in refused(folder, 3, *missing)
    assert len(told(folder, "invoice", "list")) == 3, "nothing was sealed"


def test_a_void_is_told_once_and_refused_the_second_time(folder: Path) -> None:
    assert "another person" in refused(
        folder, 4, "invoice", "void", "INV-000001", *ANN, "--approved-by", "ANN"
    )
    assert "INV-999999" in refused(folder, 3, "invoice", "void", "INV-999999", *TWO)
    found = told(folder, "invoice", "void", "INV-000001", *TWO)
    assert (found["voided"], found["entries_reversed"]) == ("INV-000001", 2)
    assert "approved by Bob" in found["reason"]
    assert "voided already" in refused(folder, 4, "invoice", "void", "INV-000001", *TWO)
    credit = ("invoice", "credit", "INV-000001", "--kind", "goodwill", "--line", "1", "--all", *TWO)
    assert "is voided" in refused(folder, 2, *credit)


def test_what_is_credited_is_not_voided(folder: Path) -> None:
    told(
        folder,
        "invoice",
        "credit",
        "INV-000001",
        "--kind",
        "goodwill",
        "--line",
        "1",
        "--amount",
        "4.00",
        *TWO,
    )
    assert "INV-CN-000001 credited it" in refused(folder, 4, "invoice", "void", "INV-000001", *TWO)
