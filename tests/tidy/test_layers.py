"""The contracts of import-linter name the folders that are there: none forgotten, none only on paper."""

from __future__ import annotations

import tomllib
from typing import Any

from tests.tidy.tree import CORE, ROOT, packages

LAYERS = "Imports only go down"
PURE = "The core touches no world"
ARROW = "pyarrow and numpy are value libraries"
DRIVEN = {
    "duckdb": "engines",
    "sqlalchemy": "store",
    "cryptography": "gateways",
    "typer": "cli",
    "litestar": "api",
    "uvicorn": "api",
}
"""A driver, and the only package that may import it."""

SHELL = ("ports", "flows", "store", "engines", "gateways", "wiring", "api", "cli")


def contracts(text: str) -> list[dict[str, Any]]:
    declared: list[dict[str, Any]] = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return declared


def layer_names(contract: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The layers that must be there, and those that may come later (in parentheses)."""
    names = [name.strip() for layer in contract["layers"] for name in layer.split("|")]
    later = {name.strip("()") for name in names if name.startswith("(")}
    return set(names) - {f"({name})" for name in later}, later


def out_of_step(declared: list[dict[str, Any]], present: list[str]) -> list[str]:
    found = []
    layers = next(contract for contract in declared if contract["name"].startswith(LAYERS))
    now, later = layer_names(layers)
    found += [f"{name} is in no layer" for name in present if name not in now | later]
    found += [f"{name} is there: take it out of the parentheses" for name in present if name in later]
    found += [f"{name} is a layer and no package" for name in sorted(now - set(present))]
    pure = next(contract for contract in declared if contract["name"].startswith(PURE))
    found += [
        f"{name} belongs to the core, and its contract leaves it out"
        for name in present
        if name in now - set(SHELL) and f"tieout.{name}" not in pure["source_modules"]
    ]
    arrow = next(contract for contract in declared if contract["name"].startswith(ARROW))
    free = {"table", "ingest", "store", "engines", "ports"}
    found += [
        f"{name} may import pyarrow unseen"
        for name in present
        if name not in free and f"tieout.{name}" not in arrow["source_modules"]
    ]
    for driver, owner in DRIVEN.items():
        held = {
            module
            for contract in declared
            if contract["type"] == "forbidden" and driver in contract["forbidden_modules"]
            for module in contract["source_modules"]
        }
        found += [
            f"{name} may import {driver}, which belongs to {owner}"
            for name in present
            if name not in {owner, "wiring"} and f"tieout.{name}" not in held
        ]
    return found


def test_contracts_and_folders_are_in_step() -> None:
    found = out_of_step(contracts((ROOT / "pyproject.toml").read_text()), packages())
    assert not found, "\n".join(found)


def test_the_core_is_what_the_tidy_rules_take_for_it() -> None:
    pure = next(
        contract
        for contract in contracts((ROOT / "pyproject.toml").read_text())
        if contract["name"].startswith(PURE)
    )
    assert [name.removeprefix("tieout.") for name in pure["source_modules"]] == list(CORE)


def test_a_folder_without_a_contract_is_found() -> None:
    declared = contracts((ROOT / "pyproject.toml").read_text())
    assert "tax is in no layer" in out_of_step(declared, [*packages(), "tax"])


def test_a_folder_still_in_parentheses_is_found() -> None:
    declared = contracts((ROOT / "pyproject.toml").read_text())
    found = out_of_step(declared, [*packages(), "payout"])
    assert "payout is there: take it out of the parentheses" in found
    assert "payout may import pyarrow unseen" in found
    assert "payout may import duckdb, which belongs to engines" in found


def test_a_layer_without_a_folder_is_found() -> None:
    declared = contracts((ROOT / "pyproject.toml").read_text())
    assert "rate is a layer and no package" in out_of_step(
        declared, [name for name in packages() if name != "rate"]
    )
