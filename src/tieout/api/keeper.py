"""The process that keeps the log while servers write it, and watches the pipeline."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tieout.flows.keep_log import Round, keep_log
from tieout.flows.watch_pipeline import watch_to_head
from tieout.wiring import open_home, storage_failure

LOGGER = logging.getLogger("tieout")
MIB = 1024**2


def run_keeper(folder: Path) -> int:
    """Keeps until SIGTERM; what it is at is finished, or taken up by the next. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    def told(latest: Round) -> None:
        if latest.failure is not None:
            LOGGER.warning("the log was not kept: %s", latest.failure)
        if latest.wal_is_long:
            LOGGER.warning("the write-ahead log is %d MiB long: a reader keeps it", latest.wal_bytes // MIB)
        for shift in watch_to_head(home):
            LOGGER.warning("pipeline alert for %s; `tieout ingest alerts` says more", shift.source)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        try:
            keep_log(home, stop=lambda: bool(ended) or os.getppid() != parent, told=told)
        except Exception as error:
            refusal = storage_failure(error)
            if refusal is None:
                raise
            LOGGER.warning("the log is not kept: %s", refusal)
            return refusal.exit_code  # the supervisor starts another
    return 0
