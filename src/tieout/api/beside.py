"""What the processes beside the servers have in common: each works until SIGTERM, or until its supervisor is
gone, and what the storage refuses is told and ends it, so that another is started."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tieout.flows.home import Home
from tieout.wiring import open_home, storage_failure

LOGGER = logging.getLogger("tieout")

NICENESS = 10
"""Where cores are few, who answers requests comes first: on one core, with a hundred thousand customers, the
slowest hundredth of entitlements took 146 ms where all were alike."""

Stop = Callable[[], bool]
Work = Callable[[Home, Stop], None]


def run_beside(folder: Path, work: Work, *, undone: str, level: int = logging.WARNING) -> int:
    """Opens the home and works in it until `stop()` is true. `undone` says in the log what is not done where
    the storage refuses. Returns the exit code."""
    os.nice(NICENESS)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    LOGGER.setLevel(level)
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        try:
            work(home, lambda: bool(ended) or os.getppid() != parent)
        except Exception as error:
            refusal = storage_failure(error)
            if refusal is None:
                raise
            LOGGER.warning("%s: %s", undone, refusal)
            return refusal.exit_code  # the supervisor starts another
    return 0
