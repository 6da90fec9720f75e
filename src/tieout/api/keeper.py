"""The process that keeps the log while servers write it, and watches the pipeline."""

from __future__ import annotations

import logging
from pathlib import Path

from tieout.api.beside import Stop, run_beside
from tieout.flows.home import Home
from tieout.flows.keep_log import Round, keep_log
from tieout.flows.watch_pipeline import watch_to_head

LOGGER = logging.getLogger("tieout")
MIB = 1024**2


def run_keeper(folder: Path) -> int:
    """Keeps until SIGTERM; what it is at is finished, or taken up by the next. Returns the exit code."""
    return run_beside(folder, _keep, undone="the log is not kept")


def _keep(home: Home, stop: Stop) -> None:
    def told(latest: Round) -> None:
        if latest.failure is not None:
            LOGGER.warning("the log was not kept: %s", latest.failure)
        if latest.wal_is_long:
            LOGGER.warning("the write-ahead log is %d MiB long: a reader keeps it", latest.wal_bytes // MIB)
        for shift in watch_to_head(home):
            LOGGER.warning("pipeline alert for %s; `tieout ingest alerts` says more", shift.source)

    keep_log(home, stop=stop, told=told)
