"""The process that follows the log while servers write it, so that live usage is seen at once."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tieout.flows.follow_usage import follow_usage
from tieout.kernel.errors import TieoutError
from tieout.wiring import open_home, storage_failure

LOGGER = logging.getLogger("tieout")


def run_follower(folder: Path) -> int:
    """Follows until SIGTERM; what was not committed is folded again by the next. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    def told(error: TieoutError) -> None:
        LOGGER.warning("live usage does not follow the log: %s", error)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        try:
            follow_usage(home, stop=lambda: bool(ended) or os.getppid() != parent, told=told)
        except Exception as error:
            refusal = storage_failure(error)
            if refusal is None:
                raise
            LOGGER.warning("live usage does not follow the log: %s", refusal)
            return refusal.exit_code  # the supervisor starts another
    return 0
