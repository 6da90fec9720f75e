"""Follows a home's log to its end, in a process of its own that a test may kill at a named point."""

from __future__ import annotations

import sys
from pathlib import Path

from tieout.flows import follow_usage
from tieout.flows.follow_usage import UsageFollower
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.wiring import open_home


def main() -> None:
    folder, now = Path(sys.argv[1]), Instant(int(sys.argv[2]))
    follow_usage.ROWS_PER_STEP = 4  # type: ignore[misc] # many commits
    with open_home(folder, clock=SteppedClock(now)) as home:
        follower = UsageFollower(home)
        while follower.step():
            pass
        follower.step()


if __name__ == "__main__":
    main()
