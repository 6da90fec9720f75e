"""The process that delivers notices while servers run; a receiver that hangs costs the others nothing."""

from __future__ import annotations

import logging
from pathlib import Path

from tieout.api.beside import run_beside
from tieout.flows.deliver_notices import Delivered, keep_delivering

LOGGER = logging.getLogger("tieout")


def run_deliverer(folder: Path) -> int:
    """Delivers until SIGTERM; attempts under way are finished first. Returns the exit code."""
    return run_beside(
        folder,
        lambda home, stop: keep_delivering(home, stop=stop, told=tell),
        undone="notices are not delivered",
    )


def tell(done: Delivered) -> None:
    """Only what needs somebody: failures of our own, and messages given up."""
    for failure in done.failures:
        LOGGER.warning("notices were not delivered: %s", failure)
    if done.given_up:
        LOGGER.warning("%d messages of notices were given up; `tieout notice log` says why", done.given_up)
