"""Eight processes send overlapping identities at once; some are killed, some have clocks that jump. The log
they make is the one that the naive model makes of the same batches.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.faults.harness.checker import assert_laws_hold, broken_by_retry
from tests.faults.harness.effort import times
from tests.faults.harness.items import BlockName
from tests.faults.harness.writer import JumpingClock, Writing
from tests.logs import NOW, open_log
from tieout.kernel.instant import HOUR_MICROSECONDS
from tieout.store.log import schema

WRITERS = 8
KILLED = {1: "ingest-after-commit:3", 4: "ingest-before-commit:5", 6: "ingest-after-commit:1"}


@pytest.fixture(params=["sqlite", "postgres"])
def writing(request: pytest.FixtureRequest, tmp_path: Path) -> Writing:
    url = None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    open_log(tmp_path / "log", url=url)[1].dispose()
    return Writing(tmp_path / "log", tmp_path / "journals", url=url, blocks=times(quick=6, long=40))


def test_eight_writers_some_of_them_killed_make_one_log(writing: Writing) -> None:
    writers = [replace(writing, writer=n, crash_at=KILLED.get(n)) for n in range(WRITERS)]
    running = [writer.start() for writer in writers]
    for process in running:
        process.join(300)
    ends = [process.exitcode for process in running]
    assert ends == [-signal.SIGKILL if n in KILLED else 0 for n in range(WRITERS)]
    assert_laws_hold(writing.folder, writing.journals, url=writing.url, faults=len(KILLED))
    names = [BlockName(writer, number) for writer in range(WRITERS) for number in range(writing.blocks)]
    assert broken_by_retry(writing.folder, names, url=writing.url) == []


def test_clocks_that_jump_change_no_verdict_and_no_order(tmp_path: Path) -> None:
    open_log(tmp_path / "log")[1].dispose()
    writing = Writing(tmp_path / "log", tmp_path / "journals", jumping_clock=True)
    writing = replace(writing, blocks=times(quick=15, long=120))
    running = [replace(writing, writer=n).start() for n in range(3)]
    for process in running:
        process.join(300)
    assert [process.exitcode for process in running] == [0, 0, 0]
    assert_laws_hold(writing.folder, writing.journals, faults=3 * writing.blocks)
    log, engine = open_log(writing.folder)
    with engine.connect() as connection:
        query = select(schema.batches.c.received_at).order_by(schema.batches.c.number)
        received = list(connection.execute(query).scalars())
    assert received != sorted(received), "the clocks did step back"
    hours = {instant // HOUR_MICROSECONDS for instant in received}
    assert len(hours) > 2, "and across hours"
    assert {tally_.hour // HOUR_MICROSECONDS for tally_ in log.tallies()} == hours, "law L1, hour by hour"
    engine.dispose()


def test_the_jumping_clock_jumps() -> None:
    clock = JumpingClock(NOW, seed=1)
    seen = [clock.now() for _ in range(50)]
    assert min(seen) < NOW < max(seen)
