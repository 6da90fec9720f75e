"""Follows a home's log to its end, as a process does that a test may kill at a named point."""

from __future__ import annotations

from pathlib import Path

from tieout.flows import follow_usage
from tieout.flows.follow_usage import UsageFollower
from tieout.ports import Clock
from tieout.wiring import open_home


def follow_to_the_end(folder: Path, clock: Clock) -> None:
    follow_usage.ROWS_PER_STEP = 4  # type: ignore[misc] # many commits
    with open_home(folder, clock=clock) as home:
        follower = UsageFollower(home)
        while follower.step():
            pass
        follower.step()
