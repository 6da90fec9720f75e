"""`python -m tests.independent FOLDER...` prints what scenario.toml must say, for a person to check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.independent.late import late_rows
from tests.independent.ledger import balances
from tests.independent.play import invoices, play

LEFT_OUT: dict[str, Any] = {
    "kind": "final",
    "sequence": 1,
    "paper": "invoice",
    "replaces": [],
    "waivers": [],
    "discounts": [],
    "taxes": [],
    "credits": [],
    "earlier": [],
}
"""What need not be told."""


def main(folders: list[str]) -> None:
    for folder in folders:
        world = play(Path(folder))
        for invoice in invoices(world):
            print("[[invoice]]")
            for name, value in _told(invoice).items():
                print(f"{name} = {_toml(value, deep=name == 'lines')}")
            print()
        for kind, rows in (("late", late_rows(world)), ("balance", balances(world))):
            for row in rows:
                print(f"[[{kind}]]")
                print("".join(f"{name} = {_toml(value)}\n" for name, value in row.items()))


def _told(invoice: dict[str, Any]) -> dict[str, Any]:
    """The lines last; nothing that is the same where it is left out."""
    told = {name: value for name, value in invoice.items() if value not in (None, LEFT_OUT.get(name))}
    if told["due"] == told["total"]:
        del told["due"]
    if told.get("paper", "invoice") == "invoice" and told.get("kind", "final") == "final":
        del told["number"]
    lines = [_line(line) for line in told.pop("lines")]
    return {**told, "lines": lines}


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """`times` is told where it is not one."""
    told = {name: value for name, value in line.items() if value not in (None, LEFT_OUT.get(name))}
    if line["meter"] is not None or line["times"] == "1":
        del told["times"]
    return told


def _toml(value: Any, *, deep: bool = False) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        parts = [_toml(each) for each in value]
        return "[\n" + "".join(f"  {part},\n" for part in parts) + "]" if deep else f"[{', '.join(parts)}]"
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
