"""Usage and traces of converted, grouped and time-weighted meters, as a person and as a program read them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tieout.cli.app import app
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.invoices import list_invoices
from tieout.kernel.instant import parse_instant


def played(folder: Path, story: str) -> list[str]:
    """The invoices of a scenario that was played to its end."""
    told = tomllib.loads((HERE / story / "scenario.toml").read_text())
    stage = set_stage(folder, now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, HERE / story / "catalog")
        for step in told["step"]:
            play_step(Playing(stage, HERE / story, {}), step)
        return [row.id for row in list_invoices(stage.home)]


def run(home: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--home", str(home)], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_usage_shows_what_is_metered_and_what_is_billed(home: Path) -> None:
    played(home, "bytes_billed_in_gigabytes")
    told = ("usage", "harbor", "--at", "2026-01-10T00:00:00Z")
    shown = run(home, *told)
    assert "1,734,567,891" in shown and "byte" in shown
    assert "1.735" in shown and "GB" in shown
    (row,) = json.loads(run(home, *told, "--json"))["rows"]
    assert (row["quantity"], row["unit"]) == ("1734567891", "byte")
    assert row["converted"] == {"quantity": "1.735", "unit": "GB"}


def test_usage_says_that_levels_are_taken_to_hold(home: Path) -> None:
    played(home, "storage_gb_hours_time_weighted")
    told = ("usage", "harbor", "--at", "2026-02-10T00:00:00Z")
    assert "Levels are taken to hold until the period ends." in run(home, *told)
    report = json.loads(run(home, *told, "--json"))
    assert (report["rows"][0]["opening_count"], report["rows"][0]["converted"]) == (2, None)
    assert report["late"][0]["quantity"] == "4800"


def test_a_trace_shows_the_events_of_its_group_alone(home: Path) -> None:
    invoice = played(home, "bytes_billed_in_gigabytes")[0]
    shown = run(home, "trace", f"{invoice}-003")
    assert "t2" in shown and "region eu" not in shown and "It matches." in shown
    found = json.loads(run(home, "trace", f"{invoice}-003", "--json"))
    assert found["charge"]["group"] == [["region", "us"]]
    assert [event["id"] for event in found["events"]] == ["t2", "t3"]
    assert [group["values"] for group in found["snapshot"]["groups"]] == [["eu"], ["us"]]
    assert found["snapshot"]["conversion"]["divide_by"] == "1000000000"


def test_a_trace_shows_the_events_that_a_line_opens_with(home: Path) -> None:
    invoice = played(home, "storage_gb_hours_time_weighted")[1]
    shown = run(home, "trace", f"{invoice}-001")
    assert "Levels stated before the period: 2 of 2" in shown
    found = json.loads(run(home, "trace", f"{invoice}-001", "--json"))
    assert [event["id"] for event in found["opening"]] == ["v2", "v6"]
    assert [state["level"] for state in found["snapshot"]["opening"]] == ["250", "60"]


def test_a_price_is_explained_from_metered_usage_on() -> None:
    folder = str(HERE / "bytes_billed_in_gigabytes" / "catalog")
    words = ("price", "explain", "transport-usd", "--catalog", folder, "--quantity", "1234567890")
    result = CliRunner().invoke(app, [*words, "--dimension", "region=eu", "--json"])
    charge = json.loads(result.stdout)
    assert [step["rule"] for step in charge["steps"]] == ["conversion", "per-unit"]
    assert "1.235" in result.stdout and "0.1235" in result.stdout
