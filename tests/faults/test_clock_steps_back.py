"""The clock steps back between two decisions, by an hour or a month: what is decided last wins, or is refused
in so many words; then the closes come, and what they bill is what they bill where the clock runs on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.clock_homes import HOMES
from tests.faults.clock_stories import STORIES, Story
from tests.faults.close_laws import broken_papers, documents_of
from tests.faults.harness import tally
from tests.faults.harness.effort import is_long
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.trace_line import trace
from tieout.flows.triggers import list_holds
from tieout.flows.waivers import waivers
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant, parse_instant
from tieout.ledger.balances import Selection
from tieout.wiring import open_home

HOUR = 3_600_000_000
STEPS = {"hour": HOUR, "month": 28 * 24 * HOUR}
LAST = parse_instant("2026-04-03T12:00:00Z")
"""March is over too."""
CASES = [(name, step) for name in STORIES for step in STEPS]
FOUND = [
    ("correct, then again", "hour"),
    ("policy signed, then its key revoked", "month"),
    ("key rotated, then it signs", "hour"),
    ("draft noted, then made anew", "month"),
    ("January billed, then February", "hour"),
    ("both billed, then the last voided", "hour"),
]
"""Those that a clock that stepped back did change once; all in a long run."""


@dataclass(frozen=True)
class Ready:
    folder: Path
    undisturbed: dict[str, Any]
    """What comes of a story whose clock runs on, by its name."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("ready")
    for name, (make, _) in HOMES.items():
        make(folder / name)
    return Ready(folder, {})


@pytest.mark.parametrize(("name", "step"), CASES if is_long() else FOUND)
def test_a_clock_that_steps_back_between_decisions_changes_nothing_in_the_end(
    ready: Ready, tmp_path: Path, name: str, step: str
) -> None:
    story = STORIES[name]
    if name not in ready.undisturbed:
        ready.undisturbed[name] = played(ready, tmp_path / "undisturbed", story, back=-HOUR)
    assert played(ready, tmp_path / "home", story, back=STEPS[step]) == ready.undisturbed[name]
    tally.injected()


def played(ready: Ready, folder: Path, story: Story, *, back: int) -> dict[str, Any]:
    """What people and papers say in the end."""
    shutil.copytree(ready.folder / story.home, folder)
    _, now = HOMES[story.home]
    clock = SteppedClock(now)
    with open_home(folder, clock=clock) as home:
        story.first(home)
        before = documents_of(home)
        clock.set_to(Instant(now - back))
        refused = False
        try:
            story.then(home)
        except TieoutError as error:
            assert "the clock went back" in str(error), repr(error)
            refused = True
        if not refused:
            close(home, as_of=clock.now())
            assert broken(home, before) == []
        clock.set_to(Instant(now + 24 * HOUR))
        if refused:
            story.then(home)
        close(home, as_of=clock.now())
        assert not broken(home, before)
        before = documents_of(home)
        clock.set_to(LAST)
        close(home, as_of=LAST)
        assert not broken(home, before)
        return told(home)


def broken(home: Home, before: Mapping[str, bytes]) -> list[str]:
    return [*broken_papers(home, sealed_before=before), *not_traced(home)]


def not_traced(home: Home) -> Iterator[str]:
    """L20: every line is worked out again as it is."""
    for document in documents_of(home).values():
        paper = json.loads(document)
        for line in paper["lines"]:
            found = trace(home, LineId(line["id"])).reproduced
            if not found.matches:
                yield f"L20: {paper['number']} {line['price']}: {found}"


def told(home: Home) -> dict[str, Any]:
    """Without instants and numbers."""
    papers = [json.loads(document) for document in documents_of(home).values()]
    names = ("kind", "sequence", "subtotal", "total", "due")
    balances = home.books.ledger.balances(Selection())
    return {
        "papers": sorted(
            (
                paper["customer"]["id"],
                paper["period"]["start"],
                *(str(paper[name]) for name in names),
                str(sorted((line["description"], line["amount"]) for line in paper["lines"])),
            )
            for paper in papers
        ),
        "balances": sorted((str(each.customer), each.account.value, each.amount.minor) for each in balances),
        "outcomes": sorted(
            (row.customer, str(row.period), row.outcome.value) for row in home.books.closes.latest()
        ),
        "policies": sorted(
            (each.policy.version, each.in_force_from is not None, len(each.signatures))
            for each in policies(home)
        ),
        "keys": sorted(
            (each.person, each.revoked_at is None) for each in home.books.signatures.signing_keys()
        ),
        "waivers": [each.good is not None for each in waivers(home)],
        "holds": sorted(each.released is None for each in list_holds(home, released_too=True)),
    }
