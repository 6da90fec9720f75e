"""The steps of rules: each look must find what the story tells, in its order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.independent import watching
from tests.independent.instants import instant
from tests.independent.shapes import number
from tests.independent.world import World

Told = dict[str, Any]


def _look(world: World, _folder: Path, step: Told) -> None:
    found = watching.look(world, instant(step["at"]))
    told = [{"customer": "harbor", **each} for each in step["look"]]
    assert len(found) == len(told), found
    asked = [{name: one[name] for name in other} for one, other in zip(found, told, strict=True)]
    assert asked == told, found


def _answers(world: World, _folder: Path, step: Told) -> None:
    found = watching.answers(world, instant(step["at"]))
    assert found == step["answers"], found


def _held(world: World, _folder: Path, step: Told) -> None:
    found = watching.held_now(world, instant(step["at"]))
    assert found == step["held"], found


def _decide(world: World, _folder: Path, step: Told) -> None:
    """The one review that the rule asked for is open, and is no more."""
    world.reviews.remove(step["decide"]["rule"])


def _release(world: World, _folder: Path, step: Told) -> None:
    watching.release(world, step["release"]["customer"], instant(step["at"]))


def _own_budget(world: World, _folder: Path, step: Told) -> None:
    told = step["own_budget"]
    world.own_budgets[told["customer"]] = number(told, "amount")


def _own_alert(world: World, _folder: Path, step: Told) -> None:
    told = step["own_alert"]
    world.own_alerts[told["customer"], told["key"]] = told["set"]


STEPS = {
    "look": _look,
    "answers": _answers,
    "held": _held,
    "decide": _decide,
    "release": _release,
    "own_budget": _own_budget,
    "own_alert": _own_alert,
}
