"""Quick or full: `make test` tries a sample that is always the same, `make test-long` everything."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

LONG_VARIABLE = "TIEOUT_TEST_LONG"
T = TypeVar("T")


def is_long() -> bool:
    return bool(os.environ.get(LONG_VARIABLE))


def some(things: Sequence[T], quick: int, *, seed: int = 20_260_301) -> list[T]:
    """All of them in a long run; else the first, the last, and a sample of those between, in order."""
    if is_long() or len(things) <= quick:
        return list(things)
    between = range(1, len(things) - 1)
    chosen = sorted(random.Random(seed).sample(between, max(quick - 2, 0)))
    return [things[0], *(things[place] for place in chosen), things[-1]]


def times(*, quick: int, long: int) -> int:
    return long if is_long() else quick
