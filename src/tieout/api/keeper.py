"""The process that tidies the log while servers write it: what is due becomes segments."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from tieout.flows.compact_log import compact_log
from tieout.kernel.errors import TieoutError
from tieout.wiring import open_home, storage_failure

PAUSE_SECONDS = 1
NAP_SECONDS = 0.1
LOGGER = logging.getLogger("tieout")


def run_keeper(folder: Path) -> int:
    """Compacts until SIGTERM; what it is at is finished, or taken up by the next. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        while not ended and os.getppid() == parent:
            try:
                compact_log(home)
            except TieoutError as error:
                LOGGER.warning("the log was not compacted: %s", error)
            except Exception as error:
                refusal = storage_failure(error)
                if refusal is None:
                    raise
                LOGGER.warning("the log was not compacted: %s", refusal)
            until = time.monotonic() + PAUSE_SECONDS
            while not ended and time.monotonic() < until:
                time.sleep(NAP_SECONDS)
    return 0
