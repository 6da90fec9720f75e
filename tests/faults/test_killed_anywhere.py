"""kill -9 at every named point of the log, each time it is passed: L1 to L5 hold as the crash left the log,
and a retry of everything doubles nothing.

The points are found in the source, so that a new one is killed at from the day it is there.
"""

from __future__ import annotations

import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.harness.checker import assert_laws_hold, broken_by_retry
from tests.faults.harness.effort import is_long, some, times
from tests.faults.harness.items import BlockName
from tests.faults.harness.writer import Writing, passed
from tests.logs import open_log

SOURCE = Path(__file__).parents[2] / "src" / "tieout"
ELSEWHERE = {
    "close": "test_close_interrupted.py",
    "seal": "test_close_interrupted.py",
    "draft": "test_drafts_interrupted.py",
    "correction": "test_corrections_killed.py",
    "credit": "test_corrections_killed.py",
    "void": "test_corrections_killed.py",
    "merge": "test_log_killed.py",
    "release": "test_decisions_killed.py",
    "erase": "test_decisions_killed.py",
    "books": "test_every_decision_killed.py",
    "dispute": "test_decisions_on_postgres.py",
    "live": "test_follower_killed.py",
    "notice": "test_notices_killed.py",
    "look": "test_look_killed.py",
    "roots": "test_roots_killed.py",
    "shutdown": "../surface/test_http_faults.py",
}
"""Areas whose points other files kill at: the part of a point's name before the first hyphen."""
BLOCKS = 75
"""Eight run files of eight batches become one, one more is written, and the last block is compacted."""
QUICK_KILLS = 14
SHARES = times(quick=1, long=8)


def points() -> set[str]:
    """The names of all crash points in the source."""
    sources = [path.read_text() for path in SOURCE.rglob("*.py")]
    return {name for text in sources for name in re.findall(r'crash_point\(\s*"([a-z0-9-]+)"', text)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty log, to be copied."""
    folder = tmp_path_factory.mktemp("made") / "log"
    open_log(folder)[1].dispose()
    return folder


@pytest.fixture(scope="module")
def kills(made: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """`point:n` for every time that one run of the writer passes a point."""
    folder = tmp_path_factory.mktemp("counting")
    shutil.copytree(made, folder / "log")
    writing = Writing(folder / "log", folder / "journals", blocks=BLOCKS, crash_at="nowhere")
    assert writing.finished() == 0
    return [
        f"{point}:{hit}"
        for point, hits in sorted(passed(folder / "log").items())
        for hit in range(1, hits + 1)
    ]


def test_the_workload_passes_every_point_of_the_source(kills: list[str]) -> None:
    reached = {kill.split(":")[0] for kill in kills}
    unreached = {point for point in points() - reached if point.split("-")[0] not in ELSEWHERE}
    assert unreached == set(), "nothing kills at these; let the workload pass them, or say what does"


@pytest.mark.parametrize("share", range(SHARES))
def test_a_log_killed_anywhere_is_whole_and_a_retry_doubles_nothing(
    made: Path, kills: list[str], tmp_path: Path, share: int
) -> None:
    survived = 0
    for number, kill in enumerate(_chosen(kills)[share::SHARES]):
        folder = tmp_path / str(number)
        shutil.copytree(made, folder / "log")
        writing = Writing(folder / "log", folder / "journals", blocks=BLOCKS, crash_at=kill)
        end = writing.finished()
        assert end in (-signal.SIGKILL, 0), kill  # 0: index files are written beside, perhaps once less
        survived += end == 0
        assert_laws_hold(writing.folder, writing.journals, note=kill)
        if number % 6 == 0:
            assert writing.undisturbed().finished() == 0, kill
            assert_laws_hold(writing.folder, writing.journals, faults=0, note=kill)
            assert broken_by_retry(writing.folder, [BlockName(0, block) for block in range(BLOCKS)]) == []
        shutil.rmtree(folder)
    assert survived <= len(kills) // 10, "the kills do not kill"


def _chosen(kills: list[str]) -> list[str]:
    """In a quick run, each point once and a sample of the rest."""
    if is_long():
        return kills
    once = [kill for kill in kills if kill.endswith(":1")]
    return [*once, *some([kill for kill in kills if kill not in once], QUICK_KILLS - len(once))]


def test_a_run_that_is_not_killed_passes_the_same_checks(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "log")
    writing = Writing(tmp_path / "log", tmp_path / "journals", blocks=20)
    assert writing.finished() == 0
    assert_laws_hold(writing.folder, writing.journals, faults=0)
    assert replace(writing, plant=None).finished() == 0
