"""L16 by types: what each kind of rule can become, read off the functions that make it; by imports: each
forbidden one is planted in a copy, and found; and by documents, none of which can say what another does.
(`tests/unit/flows/test_rules_keep_apart.py` has what rules leave in the books.)"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import get_type_hints

import pytest

from tests.tidy.tree import ROOT
from tests.unit.contract.test_policy_members import FULL
from tests.unit.contract.test_policy_members import problems_of as problems_of_policy
from tests.unit.contract.test_trigger_documents import ALERT, CONTROL, problems_of
from tieout.contract.charge_control import ChargeControl
from tieout.contract.own_alert import OwnAlert
from tieout.trigger.alert.telling import Telling, own_telling_of, telling_of
from tieout.trigger.charge import control
from tieout.trigger.charge.control import HoldLifted, HoldPlaced, InterimAsked, ReviewAsked, effect_of
from tieout.trigger.invoice.request import CloseAsked, Declined, taken_up


def results(function: object) -> set[object]:
    found = get_type_hints(function)["return"]
    is_union = isinstance(found, types.UnionType) or typing.get_origin(found) is typing.Union
    return set(typing.get_args(found)) if is_union else {found}


def test_an_alert_can_only_tell() -> None:
    assert results(telling_of) == {Telling}
    assert set(get_type_hints(Telling)) == {*("id", "customer", "severity", "title", "text", "targets")}


def test_a_customers_own_alert_can_only_tell_and_no_control_takes_it() -> None:
    assert results(own_telling_of) == {Telling}
    assert get_type_hints(effect_of)["control"] is ChargeControl, (
        "what holds cannot be given a customer's alert"
    )
    assert not set(get_type_hints(OwnAlert)) & {"action", "features", "ends", "whom"}


def test_a_control_can_hold_ask_and_lift_but_not_bill() -> None:
    assert results(effect_of) == {HoldPlaced, ReviewAsked, InterimAsked, HoldLifted, type(None)}
    assert not [name for name in vars(control) if "Invoice" in name or "Line" in name or "Close" in name]


def test_an_invoice_rule_can_only_have_an_account_looked_at() -> None:
    assert results(taken_up) == {CloseAsked, Declined}
    assert set(get_type_hints(CloseAsked)) == {"request", "customer", "period"}


PLANTS = (
    ("trigger.alert", "telling", "trigger.charge", "control"),
    ("trigger.alert", "telling", "trigger.invoice", "request"),
    ("trigger.alert", "telling", "close", "review"),
    ("trigger.alert", "telling", "invoice", "draft"),
    ("trigger.charge", "control", "trigger.alert", "telling"),
    ("trigger.charge", "control", "trigger.invoice", "request"),
    ("trigger.charge", "control", "close", "review"),
    ("trigger.charge", "control", "invoice", "draft"),
    ("trigger.charge", "control", "ledger", "entry"),
    ("trigger.invoice", "request", "trigger.alert", "telling"),
    ("trigger.invoice", "request", "trigger.charge", "control"),
    ("close", "off_cycle", "trigger", "charge.control"),
    ("invoice", "draft", "trigger", "alert.telling"),
)
"""Every way from one type of rule to another, and to or from what bills: package and module, twice."""
HEAD = re.compile(r"^tieout\.([\w.]+) is not allowed to import tieout\.([\w.]+):$", re.MULTILINE)


def test_every_forbidden_import_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package, module, other, inside in PLANTS:
        path = tmp_path / "src" / "tieout" / package.replace(".", "/") / f"{module}.py"
        path.write_text(f"{path.read_text()}\nimport tieout.{other}.{inside}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    surroundings = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "COLUMNS": "500"}
    ran = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = set(HEAD.findall(ran.stdout))
    assert [(package, other) for package, _, other, _ in PLANTS if (package, other) not in found] == []


@pytest.mark.parametrize("kind", ["alert", "control", "invoice rule"])
def test_no_document_can_say_what_another_does(kind: str) -> None:
    """Each member of one type, written into the others: refused by its name."""
    told = {"severity": '"info"', "targets": '["ops"]'}
    held = {"action": '"hold"', "features": '["chat"]', "ends": '"person"'}
    billed = {"exposure_over": '{ USD = "5.00" }', "commitment_used_percent": '"80"', "contract_end": "true"}
    foreign = {
        "alert": held | billed,
        "control": told | billed,
        "invoice rule": told | held | {"watch": '"usage"'},
    }[kind]
    for name, value in foreign.items():
        line = f"{name} = {value}\n"
        if kind == "invoice rule":
            found = problems_of_policy(FULL + line)
            assert any(f"off_cycle.{name}: unknown key" in each for each in found), (name, found)
        else:
            found = problems_of((ALERT if kind == "alert" else CONTROL) + line)
            assert any(each.startswith(f"{name}: unknown key") for each in found), (name, found)


@pytest.mark.parametrize("action", ["notify", "invoice", "bill", "close", "seal", "refund", ""])
def test_a_control_has_no_action_that_is_another_rules(action: str) -> None:
    found = problems_of(CONTROL.replace('action = "hold"', f'action = "{action}"'))
    assert any(each.startswith("action: ") for each in found), found
