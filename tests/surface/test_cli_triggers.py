"""The rules as people see them, and what they decide: every verb, its JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.ruled_home import ALERT, HOLD, ruled_home
from tests.small_home import call, ingest
from tieout.cli.app import app
from tieout.flows.look_at_rules import look_to_head

REVIEW = """
[[charge_control]]
key = "look"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Somebody looks"
everyone = true
watch = "exposure"
at = ["10.01"]
currency = "USD"
action = "review"
"""


def tieout(home: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments, "--home", str(home)])
    assert result.exit_code == code, result.output
    return result.output


def said(home: Path, *arguments: str, code: int = 0) -> Any:
    return json.loads(tieout(home, *arguments, "--json", code=code))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """650 tokens of acme's, as of 20 January: 1.30 USD of tokens, and a fee of 10.00."""
    rules = ALERT.format(version=1, rearm="below", more="") + HOLD + REVIEW
    home, _ = ruled_home(tmp_path / "home", rules)
    with home:
        ingest(home, [call(1, "acme", "2026-01-10T12:00:00Z", tokens=650)])
        look_to_head(home)
    return home.folder


def test_rules_are_listed_with_whom_they_are_for_and_what_was_crossed(folder: Path) -> None:
    rules = {each["key"]: each for each in said(folder, "alert", "list")}
    assert {key: (each["kind"], each["action"], each["crossed"]) for key, each in rules.items()} == {
        "tokens": ("alert", "tell", 2),
        "stop": ("charge_control", "hold", 1),
        "look": ("charge_control", "review", 1),
    }
    assert rules["tokens"]["customers_now"] == 3
    assert "Many tokens (tokens v1): usage of tokens at 300, 500" in tieout(folder, "alert", "show", "tokens")
    tieout(folder, "alert", "list")
    shown = said(folder, "alert", "show", "tokens", "--customer", "acme")
    assert [(each["threshold"], each["kind"], each["value"]) for each in shown["changes"]] == [
        ("300", "crossed", "650"),
        ("500", "crossed", "650"),
    ]
    assert "no alert or charge control 'nothing'" in tieout(folder, "alert", "show", "nothing", code=3)


def test_a_check_reads_everything_and_records_nothing(folder: Path) -> None:
    before = said(folder, "alert", "show", "look")["changes"]
    found = said(folder, "alert", "check", "look", "--customer", "birch")
    assert [each["rule"] for each in found["readings"]] == ["look"]
    assert said(folder, "alert", "show", "look")["changes"] == before
    tieout(folder, "alert", "check")
    tieout(folder, "alert", "check", "--customer", "nobody", code=3)


def test_a_hold_is_released_once_by_a_named_person(folder: Path) -> None:
    (held,) = said(folder, "hold", "list")
    assert (held["customer"], held["features"], held["placed_by"]) == ("acme", [], "rule")
    assert "usage is 650 token; stop v1 (Stop) is at 400" in held["reason"]
    release = ("hold", "release", held["id"][:12], "--by", "Fay", "--reason", "paid by wire")
    assert said(folder, *release)["released"]["by"] == "Fay"
    tieout(folder, *release, code=4)
    assert said(folder, "hold", "list") == []
    assert len(said(folder, "hold", "list", "--all")) == 1
    assert "Nobody is held" in tieout(folder, "hold", "list")
    tieout(folder, "hold", "release", "abcdef", "--by", "Fay", "--reason", "x", code=3)


def test_a_person_holds_with_a_reason_and_for_a_time_to_come(folder: Path) -> None:
    by = ("--by", "Fay", "--reason", "card was refused")
    placed = said(folder, "hold", "place", "birch", *by, "--until", "2200-01-01T00:00:00Z")
    assert (placed["placed_by"], placed["until"]) == ("Fay", "2200-01-01T00:00:00Z")
    assert "would end" in tieout(
        folder, "hold", "place", "birch", *by, "--until", "2020-01-01T00:00:00Z", code=2
    )
    assert "has the feature" in tieout(folder, "hold", "place", "birch", *by, "--feature", "chat", code=2)
    tieout(folder, "hold", "place", "nobody", *by, code=3)
    tieout(folder, "hold", "place", "birch", "--by", " ", "--reason", "x", code=2)


def test_a_review_is_decided_once(folder: Path) -> None:
    (asked,) = said(folder, "review", "list")
    assert asked["customer"] == "acme"
    decide = ("review", "decide", asked["id"][:12])
    by = ("--by", "Fay", "--reason", "a launch, as agreed")
    assert "leave them out" in tieout(
        folder, *decide, "dismiss", "--until", "2200-01-01T00:00:00Z", *by, code=2
    )
    tieout(folder, *decide, "forgive", *by, code=2)
    decided = said(folder, *decide, "hold", *by)
    assert decided["review"]["decided"]["decision"] == "hold"
    assert decided["hold"]["customer"] == "acme"
    assert "decided already" in tieout(folder, *decide, "dismiss", *by, code=4)
    assert said(folder, "review", "list") == []
    assert "No review waits" in tieout(folder, "review", "list")


def test_a_look_is_run_and_says_what_it_found(folder: Path) -> None:
    assert said(folder, "trigger", "run")["until"] == 1
    assert "Looked up to batch 1" in tieout(folder, "trigger", "run")
    assert said(folder, "trigger", "requests", "--all") == []
