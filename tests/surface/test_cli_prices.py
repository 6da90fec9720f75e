"""Prices on the command line: warnings refuse nothing, and stand on stderr and in the JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surface.conftest import in_process
from tests.unit.contract.price_sample import changed

CHEAPER = changed(('  { unit_amount = "0.10" },\n', '  { unit_amount = "0.09" },\n'))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "prices.toml").write_text(CHEAPER)
    return tmp_path / "catalog"


def test_a_warning_is_no_problem(folder: Path) -> None:
    ran = in_process("catalog", "check", str(folder))
    assert ran.code == 0
    assert "more usage costs less" in ran.err and ran.out.strip() == ""
    assert "0 problems" in ran.err
    told = in_process("catalog", "check", str(folder), "--json")
    assert told.code == 0 and told.json["problems"] == []
    (warning,) = told.json["warnings"]
    assert (warning["key"], warning["field"]) == ("price volume v1", "tiers[1]")
    assert warning["line"] > 0 and warning["path"].endswith("prices.toml")


def test_what_is_applied_is_warned_of_once(folder: Path, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert in_process("init", "--home", home).code == 0
    ran = in_process("catalog", "apply", str(folder), "--home", home, "--json")
    assert ran.code == 0, ran.err
    assert [warning["field"] for warning in ran.json["warnings"]] == ["tiers[1]"]
    (folder / "prices.toml").write_text(
        '[[seller]]\nkey = "us"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\nname = "Us"\n'
        'address = ["1 Quay"]\nnumber_series = "S"\n'
    )
    again = in_process("catalog", "check", str(folder), "--home", home, "--json")
    assert again.code == 0 and again.json["warnings"] == []
