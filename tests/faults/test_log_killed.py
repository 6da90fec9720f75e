"""A log killed anywhere is whole when it is opened again: L1 to L5 hold, and nothing acknowledged is lost."""

from __future__ import annotations

import random
import re
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.faults.log_writer import (
    EVENTS_PER_BLOCK,
    RECEIVED_PER_BLOCK,
    RUN_BATCHES,
    acknowledged,
    block,
    start,
)
from tests.faults.test_decisions_killed import DECISION_POINTS
from tests.logs import NOW, contract, counts, open_log, send
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.store.log import schema
from tieout.store.log.index import levels
from tieout.store.log.log import SqlEventLog

ROOT = Path(__file__).parents[2]
BLOCKS = 26
BLOCKS_TO_MERGE = 74
"""Eight run files of eight batches have become one, and one more has been written since."""
TWO_HOURS_LATER = Instant(NOW + 2 * 3_600_000_000)
ROOTS_POINTS = {"roots-before-tree", "roots-after-tree"}
"""Of what proves events: `test_roots_killed.py`."""
MERGE_POINTS = (
    "merge-after-intent:1",
    "merge-after-files:1",
    "merge-before-commit:1",
    "merge-after-commit:1",
)
"""Passed once eight ranges are compacted, which takes forty blocks."""
POINTS = (
    "ingest-before-commit:9",
    "ingest-after-commit:1",
    "ingest-after-commit:8",
    "index-after-run:2",
    "index-after-run:8",
    "index-after-merge:1",
    "compact-after-intent:1",
    "compact-after-intent:3",
    "compact-after-files:1",
    "compact-after-files:2",
    "compact-before-commit:2",
    "compact-after-commit:1",
    "compact-after-commit:3",
    *MERGE_POINTS,
)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "RUN_BATCHES", RUN_BATCHES)


def test_every_point_of_the_log_is_killed_at() -> None:
    sources = (ROOT / "src" / "tieout" / "store" / "log").rglob("*.py")
    named = {name for path in sources for name in re.findall(r'crash_point\("([a-z-]+)"\)', path.read_text())}
    assert named - ROOTS_POINTS == {point.split(":")[0] for point in (*POINTS, *DECISION_POINTS)}


@pytest.mark.parametrize("point", POINTS)
def test_a_log_killed_here_is_whole_and_a_retry_doubles_nothing(tmp_path: Path, point: str) -> None:
    folder, journal = tmp_path / "log", tmp_path / "journal"
    long = {"index-after-run:8", "index-after-merge:1", *MERGE_POINTS}
    blocks = BLOCKS_TO_MERGE if point in long else BLOCKS
    process = start(folder, journal, blocks, NOW, point)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    whole_with_everything_acknowledged(folder, journal)
    half_written(folder)
    process = start(folder, journal, blocks, TWO_HOURS_LATER)
    process.join(60)
    assert process.exitcode == 0
    finished(folder, journal, blocks)


def half_written(folder: Path) -> None:
    """What a kill before the rename of a new file leaves, wherever the log writes files."""
    for place, name in (
        ("segments", "000000000001-000000000005-0.parquet"),
        ("index", "000000000001-000000000008.run"),
    ):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / f".{name}.4194304.new").write_bytes(b"half")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_writer_killed_at_random_again_and_again(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    folder, journal = tmp_path / "log", tmp_path / "journal"
    killed = 0
    for attempt in range(1, 100):
        before = len(acknowledged(journal))
        process = start(folder, journal, BLOCKS, Instant(NOW + attempt * 3_600_000_000))
        while len(acknowledged(journal)) == before and process.is_alive():
            time.sleep(0.001)
        process.join(generator.uniform(0, 0.12))
        process.kill()
        process.join(60)
        if process.exitcode == 0:
            break
        killed += 1
        whole_with_everything_acknowledged(folder, journal, kills=killed)
    assert killed, "the writer was never killed: the waits are too long"
    finished(folder, journal, BLOCKS)


def everything(log: SqlEventLog) -> dict[str, object]:
    """Tokens by id of all that was accepted, each id once."""
    span = {Subject("team-1"): [Period(contract().effective_from, NOW)]}
    stored = list(log.events(span, frozenset({EventType("llm.request")}), watermark=log.head()))
    assert len({item.event.id for item in stored}) == len(stored), "law L3"
    return {item.event.id: item.event.fields["tokens"] for item in stored}


def of_block(number: int) -> set[str]:
    return {f"e{number}-{place}" for place in range(EVENTS_PER_BLOCK)}


def whole_with_everything_acknowledged(folder: Path, journal: Path, *, kills: int = 1) -> None:
    """As the crash left it: nothing repaired, nothing sent again. Each kill may have left one batch that was
    committed and not acknowledged; sent again, it was one more.
    """
    log, engine = open_log(folder)
    report = log.verify()
    assert report.findings == ()
    done = len(acknowledged(journal))
    stored = set(everything(log))
    assert set().union(*(of_block(number) for number in range(done))) <= stored, "law L2"
    assert stored <= set().union(*(of_block(number) for number in range(done + 1))), "a block is whole or not"
    assert report.received == report.batches * RECEIVED_PER_BLOCK, "no part of a batch"
    assert done <= report.batches <= done + kills
    assert sum(tally.items for tally in log.tallies()) == report.received, "law L1"
    engine.dispose()


def finished(folder: Path, journal: Path, blocks: int) -> None:
    """After the retry every event is there once, on disk is what the log names, the index knows it all."""
    log, engine = open_log(folder, now=Instant(NOW + 1_000 * 3_600_000_000))
    log.compact(rows_min=1)
    assert log.verify().findings == ()
    expected = {f"e{n}-{place}": n + place for n in range(blocks) for place in range(EVENTS_PER_BLOCK)}
    assert everything(log) == expected
    for told in acknowledged(journal):
        assert sum(told.values()) == RECEIVED_PER_BLOCK
        assert told["quarantined"] == 1
    with engine.connect() as connection:
        named = set(connection.execute(select(schema.segments.c.path)).scalars())
        head = connection.execute(select(func.max(schema.batches.c.number))).scalar_one()
        batches = connection.execute(select(func.count()).select_from(schema.batches)).scalar_one()
        open_intents = select(func.count()).where(schema.compactions.c.done_at.is_(None))
        assert connection.execute(open_intents).scalar_one() == 0
    assert head == batches, "batch numbers are gapless"
    segments = folder / "segments"
    on_disk = {str(path.relative_to(segments)) for path in segments.rglob("*") if path.is_file()}
    assert on_disk == named | {"compact.lock"}, "an orphan was left"
    runs = {path.name for path in (folder / "index").iterdir()}
    assert runs == {*covering(head), "merge.lock"}, "an index file was left that nothing reads"
    again = counts(send(log, *(block(number) for number in range(blocks))))
    assert again == {"duplicate": blocks * (EVENTS_PER_BLOCK + 1), "quarantined": blocks}
    assert index_rebuilt(folder) == run_files(folder), "the index is rebuilt to the same bytes"
    engine.dispose()


def covering(head: int) -> set[str]:
    """The run files of a log of fewer than 128 batches: one for 64, one for every eight beyond."""
    merged = {f"{1:012}-{64:012}.run"} if head >= 64 else set()
    return merged | {f"{first:012}-{first + 7:012}.run" for first in range(65 if merged else 1, head - 6, 8)}


def run_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "index").glob("*.run")}


def index_rebuilt(folder: Path) -> dict[str, bytes]:
    before = run_files(folder)
    for name in before:
        (folder / "index" / name).rename(folder / f"{name}.kept")
    log, engine = open_log(folder)
    assert counts(send(log, block(0))) == {"duplicate": EVENTS_PER_BLOCK + 1, "quarantined": 1}
    engine.dispose()
    rebuilt = run_files(folder)
    for name, content in before.items():
        (folder / "index" / name).write_bytes(content)
    return rebuilt
