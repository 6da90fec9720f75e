"""A sync fails (EIO): nobody is acknowledged, the process stops, and whoever starts next first makes durable
what can be seen. Then the power may be lost at any time, and the laws hold.

The disk of these tests does what Linux does: what a failed sync should have written is seen by everyone, and
never written by a later sync.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.faults.harness import tally
from tests.faults.harness.checker import Violation, broken_laws
from tests.faults.harness.effort import some, times
from tests.faults.harness.items import BlockName, block_of, named
from tests.faults.harness.sender import send_block
from tests.faults.power.disk import Disk, lay_down, losses
from tests.faults.power.recording import Trouble
from tests.faults.power.run import bring_back, killed_at_the_end, recorded, send_recorded
from tests.logs import BOOK, open_log
from tieout.kernel.errors import Unavailable
from tieout.store import sqlite, suspect
from tieout.store.failure import DiskFailed

BLOCKS = range(10)
COMPACT_EVERY = 5
AGAIN = range(10, 13)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    open_log(tmp_path / "log")[1].dispose()
    return Disk(tmp_path / "log")


def syncs_of_one_life(folder: Path) -> int:
    """How often a run that meets no trouble syncs."""
    open_log(folder)[1].dispose()
    disk, trouble = Disk(folder), Trouble()
    with recorded(disk, trouble) as log:
        send_recorded(log, disk, BLOCKS, compact_every=COMPACT_EVERY)
    return trouble.syncs


def failing_life(disk: Disk, failed_sync: int, *, killed: bool) -> bool:
    """Whether the failure stopped the writer. `killed`: it then dies without closing anything."""
    opened = recorded(disk, Trouble(failed_sync=failed_sync))
    with opened as log, killed_at_the_end(disk, log) if killed else nullcontext():
        try:
            send_recorded(log, disk, BLOCKS, compact_every=COMPACT_EVERY)
        except (Unavailable, OSError):
            return True
    return False


def next_life(disk: Disk) -> None:
    """The sender starts again, sends everything again, and more."""
    with recorded(disk) as log, killed_at_the_end(disk, log):
        send_recorded(log, disk, BLOCKS)
        send_recorded(log, disk, AGAIN)


def violations_after_losses(disk: Disk, left: Path, *, since: int, wanted: int) -> Iterator[list[Violation]]:
    """After a sample of the losses from change `since` on."""
    generator = random.Random(since)
    places = range(since, len(disk.changes))
    chosen = {places[0], *generator.sample(places, min(wanted, len(places)))}
    for place, (told, files) in enumerate(losses(disk, generator)):
        if place in chosen:
            shutil.rmtree(left, ignore_errors=True)
            lay_down(files, left)
            yield broken_laws(left, {named(origin): None for origin in told})


@pytest.mark.parametrize("killed", [False, True], ids=["stops", "dies"])
def test_after_any_failed_sync_and_any_later_loss_of_power_the_laws_hold(
    tmp_path: Path, killed: bool
) -> None:
    syncs = syncs_of_one_life(tmp_path / "counted")
    for failed_sync in some(range(1, syncs + 1), 6):
        folder = tmp_path / f"{failed_sync}"
        open_log(folder)[1].dispose()
        disk = Disk(folder)
        stopped = failing_life(disk, failed_sync, killed=killed)
        if killed:
            bring_back(disk)
        since = len(disk.changes)
        next_life(disk)
        bring_back(disk)
        assert broken_laws(folder, {BlockName(0, number): None for number in range(AGAIN.stop)}) == []
        wanted = times(quick=6, long=24)
        for violations in violations_after_losses(disk, tmp_path / "left", since=since, wanted=wanted):
            tally.injected(1, lost=sum(violation.lost for violation in violations))
            assert violations == [], (failed_sync, stopped)
        shutil.rmtree(folder)


def test_without_the_settling_what_was_acknowledged_is_lost_or_damaged(tmp_path: Path) -> None:
    """The reason for all of this: the harness finds what a restart without it would lose."""
    syncs = syncs_of_one_life(tmp_path / "counted")
    found: list[Violation] = []
    for failed_sync in range(1, syncs + 1):
        folder = tmp_path / f"{failed_sync}"
        open_log(folder)[1].dispose()
        disk = Disk(folder)
        failing_life(disk, failed_sync, killed=True)
        bring_back(disk)
        since = len(disk.changes)
        with patch.object(sqlite, "settle", lambda _: None):
            next_life(disk)
        for violations in violations_after_losses(disk, tmp_path / "left", since=since, wanted=30):
            found += violations
        if found:
            break
    assert {violation.law for violation in found} & {"L1", "L2", "L5"}


def test_a_failed_sync_acknowledges_nobody_and_ends_the_writer(disk: Disk) -> None:
    trouble = Trouble()
    with recorded(disk, trouble) as log:
        send_recorded(log, disk, range(3))
        with log.intake(BOOK, origin="writer 0 block 3", default_source=None, workers=1) as intake:
            trouble.failed_sync = trouble.syncs + 1
            with pytest.raises(DiskFailed) as failure:
                intake.lines(block_of(BlockName(0, 3)))
            with pytest.raises(DiskFailed):  # the disk works again, this writer does not
                intake.lines(block_of(BlockName(0, 4)))
    assert failure.value.exit_code == 5
    assert "nothing is counted twice" in str(failure.value)
    assert suspect.mark_of(log._engine).exists()


@pytest.mark.parametrize("killed", [False, True], ids=["stops", "dies"])
def test_the_retry_of_an_unknown_batch_that_its_successor_finds_is_a_duplicate(
    disk: Disk, killed: bool
) -> None:
    """The WAL still holds the commit, also if its writer ended in good order: it may not checkpoint."""
    trouble = Trouble()
    with recorded(disk, trouble) as log, killed_at_the_end(disk, log) if killed else nullcontext():
        send_recorded(log, disk, range(3))
        trouble.failed_sync = trouble.syncs + 1
        with pytest.raises(DiskFailed):
            send_block(log, BlockName(0, 3))
    bring_back(disk)
    with recorded(disk) as log:
        head = log.head()
        told = send_block(log, BlockName(0, 3))
    assert not suspect.mark_of(log._engine).exists(), "settled before it accepted anything"
    assert head == 4
    assert "accepted" not in told
    assert broken_laws(disk.root, {BlockName(0, number): None for number in range(4)}) == []


def test_the_retry_of_an_unknown_batch_is_accepted_by_a_writer_that_had_the_log_open(disk: Disk) -> None:
    """It writes over the frames of the failed commit, which nobody sees."""
    trouble = Trouble()
    with recorded(disk, trouble) as log, recorded(disk) as other:
        send_recorded(log, disk, range(3))
        trouble.failed_sync = trouble.syncs + 1
        with pytest.raises(DiskFailed):
            send_block(log, BlockName(0, 3))
        assert other.head() == 3
        told = send_block(other, BlockName(0, 3))
        assert not suspect.mark_of(other._engine).exists(), "settled before it accepted anything"
    assert "accepted" in told
    assert broken_laws(disk.root, {BlockName(0, number): None for number in range(4)}) == []


@pytest.mark.parametrize("killed", [False, True], ids=["stops", "dies"])
def test_who_only_reads_the_log_after_the_failure_leaves_its_wal_as_it_is(disk: Disk, killed: bool) -> None:
    trouble = Trouble()
    with recorded(disk, trouble) as log, killed_at_the_end(disk, log) if killed else nullcontext():
        send_recorded(log, disk, range(3))
        trouble.failed_sync = trouble.syncs + 1
        with pytest.raises(DiskFailed):
            send_block(log, BlockName(0, 3))
    bring_back(disk)
    wal = disk.root / "log.db-wal"
    left = wal.read_bytes()
    with recorded(disk) as reader:
        assert reader.head() == 4
    assert left != b""
    assert wal.read_bytes() == left
    assert suspect.mark_of(reader._engine).exists()


def test_the_database_is_not_settled_while_its_disk_still_fails(disk: Disk) -> None:
    trouble = Trouble()
    with recorded(disk, trouble) as log:
        for _ in range(3):
            trouble.failed_sync = trouble.syncs + 1
            with pytest.raises(DiskFailed):
                send_block(log, BlockName(0, 0))
            assert suspect.mark_of(log._engine).exists()
        send_block(log, BlockName(0, 0))
        assert not suspect.mark_of(log._engine).exists()
