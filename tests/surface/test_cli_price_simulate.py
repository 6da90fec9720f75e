"""`tieout price simulate`: closed periods under another catalog; without a difference, the sealed amounts.

The stories are those of tests/scenarios; what a change would have cost is worked out by hand beside it.
"""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tests.surface.conftest import DemoHome, Ran
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.ingest_file import ingest_file
from tieout.flows.shipped_programs import add_program, find_program
from tieout.kernel.instant import parse_instant
from tieout.wiring import open_home

Told = dict[str, Any]


def played(name: str, folder: Path) -> DemoHome:
    """The home of a story, closed."""
    story = HERE / name
    told: Told = tomllib.loads((story / "scenario.toml").read_text())
    stage = set_stage(folder, now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        for program in told.get("programs", []):
            add_program(stage.home, program)
        apply_catalog(stage.home, story / "catalog")
        for step in told["step"]:
            play_step(Playing(stage, story, {}), step)
    return DemoHome(folder, told)


@pytest.fixture(scope="module")
def plan_change(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    return played("plan_change_mid_period", tmp_path_factory.mktemp("plan") / "home")


@pytest.fixture(scope="module")
def two_programs(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    return played("standard_and_managed_payments", tmp_path_factory.mktemp("programs") / "home")


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    (tmp_path / "candidate").mkdir()
    return tmp_path / "candidate"


def simulate(home: DemoHome, candidate: Path, *arguments: str) -> Ran:
    return home.run("price", "simulate", "--catalog", str(candidate), *arguments)


def story_catalog(name: str, *changes: tuple[str, str]) -> str:
    text = (HERE / name / "catalog" / "catalog.toml").read_text()
    for old, new in changes:
        assert old in text, f"no {old!r}"
        text = text.replace(old, new, 1)
    return text


def rows(invoice: Told) -> list[tuple[str | None, ...]]:
    return [(line["price"], line["before"], line["after"], line["difference"]) for line in invoice["lines"]]


def test_without_a_difference_the_whole_demo_comes_out_as_it_was_sealed(demo_home: DemoHome) -> None:
    shown = simulate(demo_home, demo_home.folder / "catalog", "--json")
    assert shown.code == 0, shown.err
    listed = demo_home.run("invoice", "list", "--json").json
    assert len(listed) == 75
    totals = {row["id"]: Decimal(row["total"]) for row in listed}
    for each in shown.json["invoices"]:  # what corrects the months before is no part of a period's own price
        paper = demo_home.run("invoice", "show", each["invoice"], "--json").json
        corrected = [Decimal(line["amount"]) for line in paper["lines"] if "correction" in line]
        assert Decimal(each["after"]) == totals.pop(each["invoice"]) - sum(corrected)
    assert totals == {}
    assert not shown.json["differs"]
    for invoice in shown.json["invoices"]:
        assert (invoice["problem"], invoice["since_the_seal"].strip("0.")) == (None, "")
        assert all(line["before"] == line["after"] is not None for line in invoice["lines"])


def test_another_rate_shows_line_by_line_what_it_would_have_cost(
    plan_change: DemoHome, candidate: Path
) -> None:
    changed = story_catalog(
        "plan_change_mid_period", ('"3", unit_amount = "1.00"', '"3", unit_amount = "1.10"')
    )
    (candidate / "all.toml").write_text(changed)
    shown = simulate(plan_change, candidate, "--json")
    assert shown.code == 1
    assert shown.json["standing"] == "not under a signed policy"
    (invoice,) = shown.json["invoices"]
    # by hand: 3 of the 5 calls and 3 of the 4 cost 0.10 more
    assert rows(invoice) == [
        ("basic-fee", "15.00", "15.00", "0.00"),
        ("calls-eur", "4.00", "4.30", "0.30"),
        ("pro-fee", "45.00", "45.00", "0.00"),
        ("calls-eur", "3.50", "3.80", "0.30"),
    ]
    assert (invoice["before"], invoice["after"], invoice["difference"]) == ("67.50", "68.10", "0.60")
    assert shown.json["totals"] == [
        {"currency": "EUR", "before": "67.50", "after": "68.10", "difference": "0.60"}
    ]


def test_a_new_version_inside_the_period_and_new_and_removed_lines(
    plan_change: DemoHome, candidate: Path
) -> None:
    (candidate / "more.toml").write_text(
        """
[[price]]
key = "calls-eur"
version = 2
effective_from = 2026-06-24T00:00:00+02:00
meter = "calls"
currency = "EUR"
description = "Calls"
shape = "per_unit"
unit_amount = "2.00"

[[price]]
key = "support"
version = 1
effective_from = 2026-01-01T00:00:00Z
currency = "EUR"
description = "Support"
shape = "flat"
amount = "3.00"

[[plan]]
key = "basic"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Basic"
currency = "EUR"
cadence = "monthly"
prices = ["support", "calls-eur"]
"""
    )
    shown = simulate(plan_change, candidate, "--json", "--period", "2026-06")
    (invoice,) = shown.json["invoices"]
    late_calls = sum(
        "2026-06-23T22:00:00Z" <= json.loads(line)["time"] < "2026-06-30T22:00:00Z"
        for line in (HERE / "plan_change_mid_period" / "events" / "june.ndjson").read_text().splitlines()
    )
    assert late_calls == 2
    # by hand: 15 of 30 days of 3.00; 2 calls at 2.00 leave 2 at 1.00 before them
    assert rows(invoice) == [
        ("basic-fee", "15.00", None, "-15.00"),
        ("calls-eur", "4.00", "4.00", "0.00"),
        ("pro-fee", "45.00", "45.00", "0.00"),
        ("calls-eur", "3.50", "2.00", "-1.50"),
        ("support", None, "1.50", "1.50"),
        ("calls-eur", None, "4.00", "4.00"),
    ]
    assert (invoice["after"], invoice["difference"]) == ("56.50", "-11.00")
    page = simulate(plan_change, candidate)
    assert page.code == 1
    assert "removed" in page.out and "new" in page.out and "-11.00" in page.out
    assert "not under a signed policy" in page.out


def test_a_program_is_simulated_alone_and_says_whose_line_it_is(
    two_programs: DemoHome, candidate: Path
) -> None:
    text = find_program("stripe-managed-payments").text.replace('percent = "3.5"', 'percent = "3.0"')
    (candidate / "managed.toml").write_text(text)
    shown = simulate(two_programs, candidate, "--json")
    changed = [
        (line["program"], line["before"], line["after"])
        for invoice in shown.json["invoices"]
        for line in invoice["lines"]
        if line["difference"] != "0.00"
    ]
    assert changed == [("stripe-managed-payments", "3.50", "3.00")]
    only_b = simulate(two_programs, candidate, "--customer", "shop-b", "--json")
    assert (only_b.code, only_b.json["differs"]) == (0, False)


def test_a_page_keeps_the_programs_apart_and_adds_each_of_them_up(two_programs: DemoHome) -> None:
    page = two_programs.run("invoice", "show", "S-000001").out
    places = [
        page.index(words)
        for words in (
            "Desk, monthly fee",
            "program stripe-standard version 1",
            "Cards entered by hand",
            "Stripe Standard together: 6.20",
            "program stripe-managed-payments version 1",
            "Managed transactions",
        )
    ]
    assert places == sorted(places)
    assert "Stripe Managed Payments together" not in page, "one line adds up to itself"


def test_page_and_trace_say_how_a_line_was_rounded(two_programs: DemoHome) -> None:
    shown = two_programs.run("invoice", "show", "S-000002", "--json").json
    (payments,) = [line for line in shown["lines"] if line["amount"] == "2.06"]
    words = "2.05971 USD rounded half away from zero to 2.06 USD"
    assert payments["settlement"] == words
    assert words in two_programs.run("invoice", "show", "S-000002").out
    traced = two_programs.run("trace", payments["id"])
    assert words in traced.out and "program stripe-standard v1" in traced.out
    assert two_programs.run("trace", payments["id"], "--json").json["line"]["settlement"] == words


def test_a_program_that_would_have_held_in_a_sealed_period_is_simulated_and_never_applied(
    two_programs: DemoHome, candidate: Path
) -> None:
    text = find_program("stripe-managed-payments").text
    program = text[text.index("[[program]]") :].replace("version = 1", "version = 2")
    (candidate / "later.toml").write_text(program.replace("2026-01-01T00", "2026-06-20T00"))
    refused = two_programs.run("catalog", "apply", str(candidate))
    assert refused.code == 2
    assert "a sealed period is changed only by a correction" in refused.err
    shown = simulate(two_programs, candidate, "--customer", "shop-a", "--json").json
    lines = [line for line in shown["invoices"][0]["lines"] if line["program"] == "stripe-managed-payments"]
    assert [(line["before"], line["after"]) for line in lines] == [("3.50", "3.50"), (None, "0.00")]


def test_what_cannot_be_rated_so_is_told_and_not_left_out(two_programs: DemoHome, candidate: Path) -> None:
    text = find_program("stripe-standard").text.replace("otherwise = {", "#otherwise = {")
    (candidate / "standard.toml").write_text(text)
    shown = simulate(two_programs, candidate, "--json")
    assert shown.code == 1
    assert [(each["customer"], each["after"]) for each in shown.json["invoices"]] == [
        ("shop-a", None),
        ("shop-b", None),
    ]
    assert all("fit no cell" in each["problem"] for each in shown.json["invoices"])
    assert shown.json["totals"] == []
    assert "cannot be rated so" in simulate(two_programs, candidate).out


def test_events_after_the_seal_do_not_count_and_later_documents_are_told_apart(
    tmp_path: Path, candidate: Path
) -> None:
    home = played("plan_change_mid_period", tmp_path / "home")
    (candidate / "same.toml").write_text(story_catalog("plan_change_mid_period"))
    late = tmp_path / "late.ndjson"
    event = {"specversion": "1.0", "id": "late-1", "source": "api", "type": "api.call"}
    event |= {"subject": "lindt-key", "time": "2026-06-20T08:00:00Z"}
    late.write_text(json.dumps({**event, "data": {"route": "/v1"}}) + "\n")
    with open_home(home.folder) as where:
        assert ingest_file(where, late).accepted == 1
    assert simulate(home, candidate).code == 0

    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "subject.toml").write_text(
        '[[subject]]\nsubject = "lindt-key"\ncustomer = "lindt"\nversion = 2\n'
        "from = 2026-01-01T00:00:00Z\nuntil = 2026-06-16T00:00:00+02:00\n"
    )
    with open_home(home.folder) as where:
        apply_catalog(where, moved)
    shown = simulate(home, candidate, "--json")
    (invoice,) = shown.json["invoices"]
    assert (shown.code, invoice["difference"], invoice["since_the_seal"]) == (1, "-3.50", "-3.50")
    assert "-3.50 EUR come of what was applied since" in simulate(home, candidate).out


def test_nothing_is_stored(plan_change: DemoHome, candidate: Path) -> None:
    changed = story_catalog("plan_change_mid_period", ('"1.00"', '"7.00"'))
    (candidate / "all.toml").write_text(changed)

    def contents() -> tuple[object, ...]:
        return (
            plan_change.run("catalog", "show", "--json").json,
            plan_change.run("invoice", "list", "--json").json,
            plan_change.run("verify", "--json").json,
        )

    before = contents()
    assert simulate(plan_change, candidate).code == 1
    assert contents() == before


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (2, "'June' is not a month (YYYY-MM)", ("--period", "June")),
        (2, "'2026-13' is not a month", ("--period", "2026-13")),
        (3, "no sealed period that starts in 2026-05", ("--period", "2026-05")),
        (3, "no customer 'nobody'", ("--customer", "nobody")),
        (3, "no invoice 'S-000009'", ("--invoice", "S-000009")),
        (2, "leave --period out", ("--period", "2026-06", "--invoice", "S-000001")),
    ],
)
def test_a_choice_that_is_none_is_one_line_and_a_code(
    plan_change: DemoHome, candidate: Path, code: int, words: str, arguments: tuple[str, ...]
) -> None:
    (candidate / "all.toml").write_text(story_catalog("plan_change_mid_period"))
    shown = simulate(plan_change, candidate, *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert words in shown.err and shown.err.count("\n") == 1


def test_one_invoice_is_chosen_by_its_number(plan_change: DemoHome, candidate: Path) -> None:
    (candidate / "all.toml").write_text(story_catalog("plan_change_mid_period"))
    shown = simulate(plan_change, candidate, "--invoice", "S-000001", "--json")
    assert [each["number"] for each in shown.json["invoices"]] == ["S-000001"]


def test_a_candidate_with_problems_is_refused_with_all_of_them(
    plan_change: DemoHome, candidate: Path
) -> None:
    broken = story_catalog(
        "plan_change_mid_period", ('meter = "calls"', 'meter = "call"'), ('"90.00"', '"x"')
    )
    (candidate / "all.toml").write_text(broken)
    shown = simulate(plan_change, candidate)
    assert shown.code == 2
    assert "2 problems" in shown.err


@pytest.mark.parametrize(
    "story",
    [
        "wallet_two_grants_expiry",
        "commitment_drawdown_true_up",
        "commitment_rollover",
        "commitment_overage",
        "commitment_maximum",
    ],
)
def test_a_simulation_starts_each_period_from_the_balances_that_were_sealed(
    story: str, tmp_path: Path
) -> None:
    home = played(story, tmp_path / "home")
    shown = simulate(home, HERE / story / "catalog", "--json")
    assert shown.code == 0, shown.err
    totals = [each["after"] for each in shown.json["invoices"]]
    assert totals == [invoice["total"] for invoice in home.summary["invoice"]]


def test_a_dearer_call_draws_more_of_a_commitment(candidate: Path, tmp_path: Path) -> None:
    """At 20.00 a call, each period from what was sealed before it: February 140.00, March 80.00; April
    180.00 on top of 110.00 drawn, 10.00 short of 300.00; May 80.00 drawn of the 100.00 that it asks for,
    June 60.00 of the 60.00 left.
    """
    story = "commitment_drawdown_true_up"
    home = played(story, tmp_path / "home")
    dearer = story_catalog(story, ('unit_amount = "10.00"', 'unit_amount = "20.00"'))
    (candidate / "catalog.toml").write_text(dearer)
    shown = simulate(home, candidate, "--json")
    assert shown.code == 1, shown.err
    totals = [each["after"] for each in shown.json["invoices"]]
    assert totals == ["140.00", "80.00", "190.00", "100.00", "0.00"]
