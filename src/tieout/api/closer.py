"""The process that closes while servers run: as the signed policies say, and no sooner."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from tieout.api.beside import run_beside
from tieout.flows.keep_closing import ClosingRound, keep_closing

LOGGER = logging.getLogger("tieout")
NICENESS = 5
"""Beyond that of the other processes beside the servers."""
PARKED_SHOWN_MAX = 5
"""Parked accounts that one line of the log names; `tieout doctor` and the books have them all."""


def run_closer(folder: Path) -> int:
    """Closes until SIGTERM; a close that is under way is finished by the next. Returns the exit code.

    It gives way: a close of a hundred thousand accounts takes a core for minutes, which events, live usage
    and entitlements must not wait for.
    """
    os.nice(NICENESS)
    return run_beside(
        folder,
        lambda home, stop: keep_closing(home, stop=stop, told=tell),
        undone="periods are not closed",
        level=logging.INFO,
    )


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
