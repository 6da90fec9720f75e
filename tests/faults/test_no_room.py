"""No room for any one write (ENOSPC), wherever it falls: the writer is told so or never notices, sends again,
and everything that was acknowledged is stored once. A disk that is really full is in `test_disk_full.py`.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.harness import planted, tally
from tests.faults.harness.checker import Violation, broken_laws
from tests.faults.harness.effort import some
from tests.faults.harness.items import BlockName
from tests.faults.harness.sender import send_persistently
from tests.faults.harness.writer import Writing
from tests.faults.power.disk import Disk
from tests.faults.power.recording import Trouble
from tests.faults.power.run import recorded
from tests.logs import open_log
from tieout.kernel.errors import Unavailable
from tieout.store.log.log import SqlEventLog

BLOCKS = 10
EVERYTHING = {BlockName(0, number): None for number in range(BLOCKS)}


def life(folder: Path, trouble: Trouble) -> None:
    """Sends and compacts; what has no room now is tried again by the same process."""
    disk = Disk(folder)
    disk.deaf = True
    with recorded(disk, trouble) as log:
        for name in EVERYTHING:
            send_persistently(log, name)
            if name.number % 5 == 4:
                _compact_persistently(log)


def _compact_persistently(log: SqlEventLog) -> None:
    for _ in range(3):
        try:
            log.compact(rows_min=1)
            return
        except (Unavailable, OSError):
            continue
    log.compact(rows_min=1)


def writes_of_one_life(folder: Path) -> int:
    open_log(folder)[1].dispose()
    trouble = Trouble()
    life(folder, trouble)
    return trouble.writes


@pytest.mark.parametrize("full_for", [1, 3])
def test_a_write_without_room_loses_nothing_and_doubles_nothing(tmp_path: Path, full_for: int) -> None:
    writes = writes_of_one_life(tmp_path / "counted")
    for full_at in some(range(1, writes + 1), 12, seed=full_for):
        folder = tmp_path / f"{full_at}"
        open_log(folder)[1].dispose()
        life(folder, Trouble(full_at_write=full_at, full_for=full_for))
        violations = broken_laws(folder, dict(EVERYTHING))
        tally.injected(lost=sum(violation.lost for violation in violations))
        assert violations == [], full_at
        assert list(folder.rglob("*.new")) == []
        shutil.rmtree(folder)


def test_an_index_that_learns_before_the_commit_breaks_l2_without_a_crash(tmp_path: Path) -> None:
    """Its process answers `duplicate` to the retry of what was never stored."""
    writes = writes_of_one_life(tmp_path / "counted")
    found: list[Violation] = []
    for full_at in range(1, writes + 1):
        folder = tmp_path / f"{full_at}"
        open_log(folder)[1].dispose()
        with ExitStack() as bugs:
            planted.plant("index-before-commit", bugs, Writing(folder, folder))
            life(folder, Trouble(full_at_write=full_at))
        found = broken_laws(folder, dict(EVERYTHING))
        if found:
            break
    assert "L2" in {violation.law for violation in found}
