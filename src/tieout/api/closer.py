"""The process that closes while servers run: as the signed policies say, and no sooner."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tieout.flows.keep_closing import ClosingRound, keep_closing
from tieout.wiring import open_home, storage_failure

LOGGER = logging.getLogger("tieout")
PARKED_SHOWN_MAX = 5
"""Parked accounts that one line of the log names; `tieout doctor` and the books have them all."""


def run_closer(folder: Path) -> int:
    """Closes until SIGTERM; a close that is under way is finished by the next. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    LOGGER.setLevel(logging.INFO)
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        try:
            keep_closing(home, stop=lambda: bool(ended) or os.getppid() != parent, told=tell)
        except Exception as error:
            refusal = storage_failure(error)
            if refusal is None:
                raise
            LOGGER.warning("periods are not closed: %s", refusal)
            return refusal.exit_code  # the supervisor starts another
    return 0


def tell(latest: ClosingRound) -> None:
    """What a close did, in one line, and one for each of the first accounts that it parked."""
    if latest.failure is not None:
        LOGGER.warning("periods were not closed: %s", latest.failure)
    if latest.counts:
        counts = ", ".join(f"{count} {name}" for name, count in latest.counts.items())
        LOGGER.info("closed what was due: %s", counts)
    for customer, reason in latest.parked[:PARKED_SHOWN_MAX]:
        LOGGER.warning("%s is parked: %s", customer, reason)
    if len(latest.parked) > PARKED_SHOWN_MAX:
        LOGGER.warning("%d more are parked", len(latest.parked) - PARKED_SHOWN_MAX)
