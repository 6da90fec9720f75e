"""Runs one close in a process of its own; `CRASH_AT=point:n` in the environment kills it there."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.small_home import FEBRUARY_3
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

if __name__ == "__main__":
    with open_home(Path(sys.argv[1]), clock=SteppedClock(FEBRUARY_3)) as home:
        close(home, as_of=FEBRUARY_3)
