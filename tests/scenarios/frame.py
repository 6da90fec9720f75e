"""What a scenario.toml may say, and who plays it.

Each `steps_<area>.py` beside this file says its words in up to four tables, all optional:

- `STEPS`: member of a [[step]] -> `Verb`; a step's members are played in the order they are written;
- `ENDS`: member beside the steps -> check at the end; it is called for every story, with [] where nothing is
  told;
- `INVOICE`, `LINE`: member of an [[invoice]], or of one of its lines -> `Member`, what the document prints.

A word that nobody knows fails the story: nothing is told that is not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tieout.cli.demo.stage import Stage
from tieout.kernel.instant import parse_instant

HERE = Path(__file__).parent

Told = dict[str, Any]

ONLY_WHERE_TOLD = object()
"""The default of a member that is compared only in the stories that tell it."""
ALWAYS_TOLD = object()
"""The default of a member that no story may leave out."""


@dataclass(slots=True)
class Playing:
    """A story on its stage. `kept` is where an area's steps leave something for its later ones, by name."""

    stage: Stage
    story: Path
    told: Told
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verb:
    """`play` gets the whole step; `arguments` are the members that say more about it."""

    play: Callable[[Playing, Told], None]
    arguments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Member:
    """`read` takes it from the printed JSON; `default` is what must be printed where it is not told."""

    read: Callable[[Told], Any]
    default: Any = None


Check = Callable[[Playing, list[Told]], None]


def _tables(name: str) -> dict[str, Any]:
    """The tables of that name of all areas, in one."""
    joined: dict[str, Any] = {}
    for file in sorted(HERE.glob("steps_*.py")):
        for word, meaning in getattr(import_module(f"tests.scenarios.{file.stem}"), name, {}).items():
            assert word not in joined, f"two areas say {word!r}"
            joined[word] = meaning
    return joined


def steps() -> dict[str, Verb]:
    return _tables("STEPS")


def ends() -> dict[str, Check]:
    return _tables("ENDS")


def invoice_members() -> dict[str, Member]:
    return _tables("INVOICE")


def line_members() -> dict[str, Member]:
    return _tables("LINE")


def play_step(playing: Playing, step: Told) -> None:
    playing.stage.clock.set_to(parse_instant(step["at"]))
    verbs = steps()
    said = [name for name in step if name in verbs]
    known = {"at", *said}.union(*(verbs[name].arguments for name in said))
    assert set(step) <= known, f"scenario.toml says more than is played: {sorted(set(step) - known)}"
    for name in said:
        verbs[name].play(playing, step)


def as_told(members: dict[str, Member], printed: Told, told: Told) -> Told:
    """What is printed, without what is compared only where it is told."""
    return {
        name: member.read(printed)
        for name, member in members.items()
        if member.default is not ONLY_WHERE_TOLD or name in told
    }


def expected(members: dict[str, Member], told: Told) -> Told:
    """What is told, with what must be printed where nothing is."""
    assert set(told) <= set(members), f"scenario.toml says more than is checked: {set(told) - set(members)}"
    for name, member in members.items():
        assert member.default is not ALWAYS_TOLD or name in told, f"scenario.toml must tell {name}"
    return {
        name: told.get(name, member.default)
        for name, member in members.items()
        if member.default is not ONLY_WHERE_TOLD or name in told
    }
