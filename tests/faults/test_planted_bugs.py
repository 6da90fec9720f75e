"""The harness is trusted because it finds bugs that are put there on purpose, and names the law they break.

The bugs that a loss of power shows are in `test_power_loss_finds_bugs.py`.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.harness import journal
from tests.faults.harness.checker import Violation, broken_by_retry, broken_laws
from tests.faults.harness.items import BlockName
from tests.faults.harness.planted import BUGS
from tests.faults.harness.writer import Writing, wait_until_stopped
from tests.logs import open_log

PLANTED_ELSEWHERE = {"synchronous=NORMAL", "rename-without-sync"}


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    open_log(tmp_path / "log")[1].dispose()
    return Writing(tmp_path / "log", tmp_path / "journals")


def found(writing: Writing) -> list[Violation]:
    return broken_laws(writing.folder, journal.read(writing.journals))


def laws(violations: list[Violation]) -> set[str]:
    return {violation.law for violation in violations}


def test_acknowledging_before_the_commit_breaks_l2(writing: Writing) -> None:
    killed = replace(writing, plant="acknowledge-before-commit", crash_at="ingest-before-commit:4")
    assert killed.finished() == -signal.SIGKILL
    violations = found(writing)
    assert "L2" in laws(violations)
    assert sum(violation.lost for violation in violations) > 0


def test_an_index_that_learns_before_the_commit_is_found_by_a_kill(writing: Writing) -> None:
    killed = replace(writing, plant="index-before-commit", crash_at="ingest-before-commit:8")
    assert killed.finished() == -signal.SIGKILL
    violations = broken_by_retry(writing.folder, [BlockName(0, number) for number in range(12)])
    assert laws(violations) & {"L2", "L3"}, "what was not stored is known, or not where it is known to be"


def test_a_collector_without_a_lease_breaks_l5(writing: Writing) -> None:
    assert replace(writing, blocks=4).finished() == 0
    paused = replace(writing, blocks=5, pause_at="compact-after-files").start()
    wait_until_stopped(paused)
    other = replace(writing, writer=1, blocks=5, plant="collector-without-lease")
    assert other.finished() == 0
    assert paused.pid is not None
    os.kill(paused.pid, signal.SIGCONT)
    paused.join(60)
    assert "L5" in laws(found(writing)), "a segment is named and not there"


def test_verdicts_from_before_the_lock_break_l3(writing: Writing) -> None:
    writers = [replace(writing, writer=n, plant="verdicts-before-lock") for n in range(4)]
    running = [writer.start() for writer in writers]
    for process in running:
        process.join(120)
    assert "L3" in laws(found(writing))


def test_every_bug_of_the_list_is_planted_here() -> None:
    assert set(BUGS) | PLANTED_ELSEWHERE == {
        "acknowledge-before-commit",
        "index-before-commit",
        "collector-without-lease",
        "verdicts-before-lock",
        "synchronous=NORMAL",
        "rename-without-sync",
    }
