"""How large a run is, and where it kills: quick for every test run, in full for the long one."""

from __future__ import annotations

import random

from tests.faults.test_killed_anywhere import points
from tests.simulation.run import Scale

SERVING = ("ingest", "index", "compact", "live", "look", "notice", "books", "close", "seal")
"""Areas whose points the processes of a server pass while it ingests, looks, tells and bills."""
AT_ONCE = 8
"""Points of one phase: each process passes others."""


def quick() -> Scale:
    """Dies before a look is recorded, after a message was sent, after a batch was committed, after a seal."""
    return Scale(
        customers=100,
        seed=1,
        points=(
            {"look-after-commit": 1, "ingest-after-commit": 3},
            {"look-before-commit": 1, "notice-after-send": 2},
        ),
        largest=120,
        seconds=2.5,
        close_points={"seal-after-commit": 1},
    )


def in_full(customers: int, *, seed: int) -> Scale:
    """At every named point that a server passes, eight in each phase, and at any point now and then."""
    chance = random.Random(seed)
    named = sorted(point for point in points() if point.partition("-")[0] in SERVING)
    chance.shuffle(named)
    count = -(-len(named) // AT_ONCE)
    phases = [named[place::count] for place in range(count)]
    return Scale(
        customers=customers,
        seed=seed,
        points=tuple({point: _pass(point, chance) for point in phase} for phase in phases),
        largest=max(100, customers // 12),
        seconds=max(5.0, customers / 300),
        kills_every=12,
        patience=1_800,
        sample=500,
        close_points={"seal-after-commit": 3, "look-before-commit": 3, "books-after-commit": 9},
    )


def _pass(point: str, chance: random.Random) -> int:
    """A process that dies at its first look or its first write never gets anywhere; at its third it does."""
    if point.startswith(("close", "seal", "index", "compact")):
        return 1
    return chance.randint(8, 12) if point.startswith("books") else chance.randint(2, 4)
