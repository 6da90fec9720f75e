"""The power lost after every change to the disk, of the database and of our own files: no acknowledged event
is lost, and what is left is a whole log.

The run is recorded once; each loss is a prefix of the record, with what was not synced torn at random.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.harness import tally
from tests.faults.harness.checker import Violation, broken_by_retry, broken_laws
from tests.faults.harness.effort import is_long, times
from tests.faults.harness.items import BlockName, named
from tests.faults.power.disk import Disk, lay_down, losses
from tests.faults.power.run import origins, recorded, send_recorded
from tests.logs import NOW, open_log
from tieout.kernel.instant import Instant

TWO_HOURS_LATER = Instant(NOW + 2 * 3_600_000_000)
FIRST, SECOND = range(10), range(10, 20)
COMPACT_EVERY = 5
LOOKED_THROUGH = 12
"""In a quick run, how many of the losses are put through the whole checker."""


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """An empty log on a disk that records."""
    open_log(tmp_path / "log")[1].dispose()
    return Disk(tmp_path / "log")


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Path]:
    """Where the remains of a loss are laid down."""
    yield tmp_path / "left"


def whole_life(disk: Disk, **bugs: bool) -> None:
    """Ingests and compacts; opened again two hours later, when retired bodies may go, it does so again."""
    with recorded(disk, **bugs) as log:
        send_recorded(log, disk, FIRST, compact_every=COMPACT_EVERY)
    with recorded(disk, now=TWO_HOURS_LATER, **bugs) as log:
        log.compact(rows_min=1)
        send_recorded(log, disk, SECOND, compact_every=COMPACT_EVERY)


def laid_down(files: dict[str, bytes | None], folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    lay_down(files, folder)
    return folder


def test_the_database_of_these_tests_is_set_as_that_of_the_product(disk: Disk) -> None:
    settings = (
        "journal_mode",
        "synchronous",
        "foreign_keys",
        "auto_vacuum",
        "page_size",
        "wal_autocheckpoint",
    )
    _, ours = open_log(disk.root)
    with recorded(disk) as log:
        found = [
            [connection.execute(text(f"PRAGMA {name}")).scalar() for name in settings]
            for engine in (ours, log._engine)
            for connection in [engine.connect()]
        ]
    ours.dispose()
    assert found[0] == found[1]
    assert found[0][:4] == ["wal", 2, 1, 2], "WAL, FULL, enforced, INCREMENTAL"


def test_no_acknowledged_batch_is_lost_at_any_change_of_the_disk(disk: Disk, left: Path) -> None:
    """The quick look at every loss: the database is sound, and holds the batches with their events."""
    whole_life(disk)
    generator = random.Random(7)
    faults = missing = 0
    for place, (told, files) in enumerate(losses(disk, generator, each=times(quick=1, long=6))):
        if not is_long() and place % 3:
            continue
        lost = set(told) - origins(laid_down(files, left))
        faults, missing = faults + 1, missing + len(lost)
    tally.injected(faults, lost=missing)
    assert missing == 0
    assert faults > 300


def test_every_law_holds_after_a_loss_of_power(disk: Disk, left: Path) -> None:
    """The whole checker and a retry of everything, after a sample of the losses."""
    whole_life(disk)
    for place, (told, files) in enumerate(_sampled(disk, times(quick=LOOKED_THROUGH, long=600))):
        folder = laid_down(files, left)
        violations = broken_laws(folder, {named(origin): None for origin in told})
        tally.injected(lost=sum(violation.lost for violation in violations))
        assert violations == [], place
        if place % 4 == 0:
            assert broken_by_retry(folder, [BlockName(0, number) for number in range(SECOND.stop)]) == []


def test_with_synchronous_normal_the_same_sweep_loses_acknowledged_batches(disk: Disk, left: Path) -> None:
    with recorded(disk, synchronous="NORMAL") as log:
        send_recorded(log, disk, range(6))
    violations = _first_violations(disk, left)
    assert {violation.law for violation in violations} == {"L2"}
    assert sum(violation.lost for violation in violations) > 0


@pytest.mark.parametrize("bug", ["syncs_content", "syncs_folders"])
def test_a_segment_that_is_named_before_it_is_durable_is_found(disk: Disk, left: Path, bug: str) -> None:
    whole_life(disk, **{bug: False})
    violations = _first_violations(disk, left)
    assert "L5" in {violation.law for violation in violations}
    assert any(".parquet" in violation.detail for violation in violations)


def _first_violations(disk: Disk, left: Path) -> list[Violation]:
    """Those of the first loss, of a sample, that breaks a law. Not counted: the bug is planted."""
    for told, files in _sampled(disk, 150):
        violations = broken_laws(laid_down(files, left), {named(origin): None for origin in told})
        if violations:
            return violations
    return []


def _sampled(disk: Disk, wanted: int) -> Iterator[tuple[list[str], dict[str, bytes | None]]]:
    """`wanted` losses, spread over the whole record."""
    generator = random.Random(11)
    chosen = {int(n * len(disk.changes) / wanted) for n in range(wanted)} | {len(disk.changes) - 1}
    for place, loss in enumerate(losses(disk, generator)):
        if place in chosen:
            yield loss
