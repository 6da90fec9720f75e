"""Runs one close in a process of its own, at an instant in microseconds or on 3 February 2026;
`CRASH_AT=point:n` in the environment kills it there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.small_home import FEBRUARY_3
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.wiring import open_home

if __name__ == "__main__":
    now = Instant(int(sys.argv[2])) if len(sys.argv) > 2 else FEBRUARY_3
    with open_home(Path(sys.argv[1]), clock=SteppedClock(now)) as home:
        close(home, as_of=now)
