"""The process that delivers notices while servers run; a receiver that hangs costs the others nothing."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tieout.flows.deliver_notices import Delivered, keep_delivering
from tieout.wiring import open_home, storage_failure

LOGGER = logging.getLogger("tieout")


def run_deliverer(folder: Path) -> int:
    """Delivers until SIGTERM; attempts under way are finished first. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        try:
            keep_delivering(home, stop=lambda: bool(ended) or os.getppid() != parent, told=tell)
        except Exception as error:
            refusal = storage_failure(error)
            if refusal is None:
                raise
            LOGGER.warning("notices are not delivered: %s", refusal)
            return refusal.exit_code  # the supervisor starts another
    return 0


def tell(done: Delivered) -> None:
    """Only what needs somebody: failures of our own, and messages given up."""
    for failure in done.failures:
        LOGGER.warning("notices were not delivered: %s", failure)
    if done.given_up:
        LOGGER.warning("%d messages of notices were given up; `tieout notice log` says why", done.given_up)
