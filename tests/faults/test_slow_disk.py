"""A slow disk: everything takes longer, nothing is lost, and what waits for it stays a few blocks."""

from __future__ import annotations

from pathlib import Path

from tests.faults.harness import tally
from tests.faults.harness.checker import broken_laws
from tests.faults.harness.effort import times
from tests.faults.harness.items import BlockName, block_of
from tests.faults.harness.sender import send_block
from tests.faults.power.disk import Disk
from tests.faults.power.recording import Trouble
from tests.faults.power.run import recorded
from tests.logs import BOOK, open_log

DELAY_SECONDS = 0.002
WORKERS = 2
WAITING_MAX = 2 * WORKERS + 2
"""Blocks that are being prepared or wait for the disk, whatever the length of the file."""


def test_on_a_slow_disk_everything_acknowledged_is_stored(tmp_path: Path) -> None:
    open_log(tmp_path / "log")[1].dispose()
    disk = Disk(tmp_path / "log")
    blocks = times(quick=6, long=60)
    with recorded(disk, Trouble(delay_seconds=DELAY_SECONDS)) as log:
        for number in range(blocks):
            send_block(log, BlockName(0, number))
        log.compact(rows_min=1)
    violations = broken_laws(disk.root, {BlockName(0, number): None for number in range(blocks)})
    tally.injected(lost=sum(violation.lost for violation in violations))
    assert violations == []


def test_a_reader_that_is_faster_than_the_disk_does_not_pile_up_blocks(tmp_path: Path) -> None:
    """The intake holds its caller back: a file of any length needs the memory of a few blocks."""
    open_log(tmp_path / "log")[1].dispose()
    disk = Disk(tmp_path / "log")
    blocks, most = times(quick=20, long=100), 0
    with (
        recorded(disk, Trouble(delay_seconds=DELAY_SECONDS)) as log,
        log.intake(BOOK, origin="writer 0 block 0", default_source=None, workers=WORKERS) as intake,
    ):
        for _ in range(blocks):
            intake.lines(block_of(BlockName(0, 0)))
            most = max(most, len(intake._waiting))
        totals = intake.finish()
    assert most <= WAITING_MAX
    assert totals.received == sum(totals.counts.values())
    assert broken_laws(disk.root, {}) == []
    tally.injected()
