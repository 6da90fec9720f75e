"""The last line of a test run counts faults and losses of all its workers, and it does count."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.harness import tally

ROOT = Path(__file__).parents[2]
SUITE = """
from tests.faults.harness import tally

def test_one():
    tally.injected(3)

def test_two():
    tally.injected(4, lost=2)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_last_word_adds_up_what_all_workers_counted(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment.pop(tally.FOLDER_VARIABLE, None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-n", workers]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, str(tmp_path)], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "faults injected: 7, acknowledged events lost: 2" in ran.stdout, ran.stdout + ran.stderr


def test_faults_are_counted_where_they_are_injected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tally.FOLDER_VARIABLE, str(tmp_path))
    assert tally.total(tmp_path) == (0, 0)
    tally.injected()
    tally.injected(10, lost=1)
    assert tally.total(tmp_path) == (11, 1)
    assert re.search(r"injected: 11, .* lost: 1$", tally.last_word(tmp_path))
