"""Every scenario is worked out a second time, and its expectations are what the second system says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.independent.late import late_rows
from tests.independent.ledger import balances
from tests.independent.play import Told, invoices, play
from tests.scenarios.frame import HERE, expected, invoice_members, line_members

NOT_COVERED: dict[str, str] = {}
"""Folder -> why the second system does not work it out. None now: each story has figures that it can."""
NOT_WORKED_OUT = {"rules", "versions"}
"""What a line says of the product's own working."""

STORIES = sorted(story.parent for story in HERE.glob("*/story.md"))


@pytest.mark.parametrize(
    "story", [s for s in STORIES if s.name not in NOT_COVERED], ids=lambda story: story.name
)
def test_a_second_system_says_the_same(story: Path) -> None:
    told = tomllib.loads((story / "scenario.toml").read_text())
    world = play(story)
    found = invoices(world)
    assert [_only(*pair) for pair in zip(found, told["invoice"], strict=False)] == [
        _told(invoice) for invoice in told["invoice"]
    ]
    assert len(found) == len(told["invoice"])
    assert _by_row(late_rows(world)) == _by_row(told.get("late", []))
    assert world.notices == {each["kind"]: each["count"] for each in told.get("notices", [])}
    customers = {balance["customer"] for balance in told.get("balance", [])}
    found = [balance for balance in balances(world) if balance["customer"] in customers]
    assert found == sorted(told.get("balance", []), key=_balance)


def _balance(balance: Told) -> tuple[str, str, str]:
    return balance["customer"], balance["account"], balance["currency"]


def _by_row(rows: list[Told]) -> list[Told]:
    return sorted(rows, key=lambda row: (row["customer"], row["start"], row["meter"]))


def _told(invoice: Told) -> Told:
    rest = {name: value for name, value in invoice.items() if name != "lines"}
    rest.setdefault("due", invoice["total"])
    lines = [
        {name: value for name, value in expected(line_members(), line).items() if name not in NOT_WORKED_OUT}
        for line in invoice["lines"]
    ]
    return {**expected(invoice_members(), rest), "lines": lines}


def _only(found: Told, told: Told) -> Told:
    names = _told({**told, "lines": []})
    lines = []
    for place, line in enumerate(found["lines"]):
        wanted = _told({**told, "lines": told["lines"][place : place + 1]})["lines"]
        lines.append({name: line[name] for name in (wanted[0] if wanted else line)})
    return {**{name: found[name] for name in names}, "lines": lines}
