"""A process stops in the middle (SIGSTOP: a debugger, a suspended machine) while it holds a lease or the
write lock, and goes on long after (SIGCONT): nobody takes over what it holds, nothing is lost or doubled.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.faults.harness.checker import assert_laws_hold, broken_by_retry
from tests.faults.harness.items import BlockName
from tests.faults.harness.writer import Writing, wait_until_stopped
from tests.logs import NOW, open_log
from tieout.kernel.instant import Instant
from tieout.store.log import schema

MUCH_LATER = Instant(NOW + 5 * 3_600_000_000)
"""When the intent of whoever was stopped has expired."""
BLOCKS = 12


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    open_log(tmp_path / "log")[1].dispose()
    return Writing(tmp_path / "log", tmp_path / "journals", blocks=BLOCKS)


@contextmanager
def stopped_at(writing: Writing, point: str) -> Iterator[None]:
    """A writer stands still there during the body, and runs to its end afterwards."""
    process = replace(writing, pause_at=point).start()
    wait_until_stopped(process)
    assert process.pid is not None
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.join(120)
    assert process.exitcode == 0


@pytest.mark.parametrize("point", ["compact-after-intent", "compact-after-files", "compact-before-commit"])
def test_a_stopped_compactor_keeps_its_lease_and_its_files(writing: Writing, point: str) -> None:
    with stopped_at(writing, point):
        if point != "compact-before-commit":  # there it holds the write lock too
            other = replace(writing, writer=1, now=MUCH_LATER)
            assert other.finished() == 0, "others ingest, and leave compaction to who is at it"
            assert covered(writing) == [], "nobody compacted meanwhile"
    assert replace(writing, writer=2, now=MUCH_LATER).finished() == 0
    assert covered(writing), "it is done once the stopped process has gone on"
    assert_laws_hold(writing.folder, writing.journals)
    names = [BlockName(writer, number) for writer in range(3) for number in range(BLOCKS)]
    assert broken_by_retry(writing.folder, names) == []


@pytest.mark.parametrize("point", ["ingest-before-commit", "ingest-after-commit"])
def test_others_wait_for_a_stopped_writer_that_holds_the_lock_and_lose_nothing(
    writing: Writing, point: str
) -> None:
    with stopped_at(writing, point):
        waiting = replace(writing, writer=1).start()
        holds_the_lock = point == "ingest-before-commit"
        waiting.join(1 if holds_the_lock else 60)
        assert waiting.is_alive() is holds_the_lock
    waiting.join(120)
    assert waiting.exitcode == 0
    assert_laws_hold(writing.folder, writing.journals)


def covered(writing: Writing) -> list[int]:
    """The first batches of the segments."""
    _, engine = open_log(writing.folder)
    with engine.connect() as connection:
        found = list(connection.execute(select(schema.segments.c.first_batch)).scalars())
    engine.dispose()
    return found
