"""Bugs on purpose: a harness that does not find these would not find others. Each lives in one writer process
and is put there by replacing a piece of the product; the product itself knows nothing of them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from sqlalchemy import select

from tests.faults.harness import journal
from tests.faults.harness.items import named
from tieout.store.log import append, compact, schema
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.committed import stored_entries
from tieout.store.log.index.index import IdentityIndex

if TYPE_CHECKING:
    from tests.faults.harness.writer import Writing

PAUSE_SECONDS = 0.003
Bug = Callable[[ExitStack, "Writing"], None]


def plant(name: str | None, until: ExitStack, writing: Writing) -> None:
    if name is not None:
        BUGS[name](until, writing)


def pause_at(point: str | None, until: ExitStack) -> None:
    """The process stops itself (as by SIGSTOP) the first time it passes the point."""
    if point is None:
        return
    waiting = [point]

    def crash_point(name: str) -> None:
        if waiting == [name]:
            waiting.clear()
            os.kill(os.getpid(), signal.SIGSTOP)

    for module in (append, compact):
        until.enter_context(patch.object(module, "crash_point", crash_point))


def _acknowledge_before_commit(until: ExitStack, writing: Writing) -> None:
    original: Any = append.Appender._append

    def told_first(self: Any, connection: Any, prepared: Any, arrival: Any, *more: Any) -> Any:
        appended = original(self, connection, prepared, arrival, *more)
        journal.write(writing.journals, named(arrival.origin), None)
        return appended

    until.enter_context(patch.object(append.Appender, "_append", told_first))


def _index_before_commit(until: ExitStack, _: Writing) -> None:
    """The index learns the batch that was prepared, not the one that was committed."""
    original: Any = append.Appender._append

    def learned_first(self: Any, connection: Any, prepared: Any, arrival: Any, *more: Any) -> Any:
        appended = original(self, connection, prepared, arrival, *more)
        new = ~self._index.find(prepared.keys).found
        rows = prepared.rows[new].astype(np.uint32)
        if appended.batch == self._index.upto + 1:
            self._index.learn(appended.batch, KeyEntries(prepared.keys[new], prepared.lanes[new], rows))
            self._index.file_runs()
        return appended

    until.enter_context(patch.object(append.Appender, "_append", learned_first))
    until.enter_context(patch.object(IdentityIndex, "forget_tail", lambda _: None))


def _collector_without_lease(until: ExitStack, _: Writing) -> None:
    """Takes every file that no row names yet for an orphan, while another process is about to name it."""

    @contextmanager
    def not_leased(_: Path) -> Any:
        yield True

    def collect(engine: Any, files: Any, **__: Any) -> list[str]:
        with engine.connect() as connection:
            known = set(connection.execute(select(schema.segments.c.path)).scalars())
        orphans = [name for name in files.names() if name not in known]
        for name in orphans:
            files.delete(name)
        return orphans

    until.enter_context(patch.object(compact, "leased", not_leased))
    until.enter_context(patch.object(compact, "collect_orphans", collect))


def _verdicts_before_lock(until: ExitStack, _: Writing) -> None:
    """Decides by what the log held before the lock was taken."""
    original: Any = append.Appender.append
    find: Any = IdentityIndex.find

    def decided_first(self: Any, prepared: Any, arrival: Any, *more: Any) -> Any:
        with self._engine.connect() as connection:
            head = connection.execute(append.select(append.schema.head.c.batch)).scalar_one()
            self._index.catch_up(head, lambda first, last: stored_entries(connection, first, last))
        known = find(self._index, prepared.keys)
        time.sleep(PAUSE_SECONDS)
        with patch.object(IdentityIndex, "find", lambda *_: known):
            return original(self, prepared, arrival, *more)

    until.enter_context(patch.object(append.Appender, "append", decided_first))


BUGS: dict[str, Bug] = {
    "acknowledge-before-commit": _acknowledge_before_commit,
    "index-before-commit": _index_before_commit,
    "collector-without-lease": _collector_without_lease,
    "verdicts-before-lock": _verdicts_before_lock,
}
