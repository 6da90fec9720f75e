"""Sends one block to a log, once or as a careful sender does."""

from __future__ import annotations

from contextlib import ContextDecorator
from unittest.mock import patch

from tests.faults.harness.items import BlockName, block_of
from tests.logs import BOOK, counts
from tieout.kernel.errors import Unavailable
from tieout.store.failure import DiskFailed
from tieout.store.log.index import levels
from tieout.store.log.log import SqlEventLog

ATTEMPTS_MAX = 5
SHORT_RUN = 8
"""Batches in a run of the index, so that a short log has runs that merge; every process of a test agrees."""


def short_runs() -> ContextDecorator:
    return _ShortRuns()


class _ShortRuns(ContextDecorator):
    def __enter__(self) -> None:
        self._patch = patch.object(levels, "RUN_BATCHES", SHORT_RUN)
        self._patch.start()

    def __exit__(self, *_: object) -> None:
        self._patch.stop()


def send_block(log: SqlEventLog, name: BlockName) -> dict[str, int]:
    """One batch, under the block's name. Returns what was acknowledged."""
    with log.intake(BOOK, origin=name.origin, default_source=None, workers=1) as intake:
        intake.lines(block_of(name))
        return counts(intake.finish())


def send_persistently(log: SqlEventLog, name: BlockName) -> dict[str, int]:
    """As a careful sender does: what could not be taken now is sent again; a failed disk ends it."""
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return send_block(log, name)
        except DiskFailed:
            raise
        except (Unavailable, OSError):  # OSError: committed, and an index file found no room
            continue
    return send_block(log, name)
