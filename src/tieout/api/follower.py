"""The process that follows the log while servers write it, so that live usage is seen at once."""

from __future__ import annotations

import logging
from pathlib import Path

from tieout.api.beside import run_beside
from tieout.flows.follow_usage import follow_usage
from tieout.kernel.errors import TieoutError

LOGGER = logging.getLogger("tieout")


def run_follower(folder: Path) -> int:
    """Follows until SIGTERM; what was not committed is folded again by the next. Returns the exit code."""
    return run_beside(
        folder,
        lambda home, stop: follow_usage(home, stop=stop, told=tell),
        undone="live usage does not follow the log",
    )


def tell(error: TieoutError) -> None:
    """What a round could not do; the next tries again."""
    LOGGER.warning("live usage does not follow the log: %s", error)
