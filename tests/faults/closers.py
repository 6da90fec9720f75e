"""Processes that close a home, to be killed, run at once or given a clock that steps back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLOSE_STEP = re.compile(r'crash_point\("((?:close|seal)-[a-z-]+)"\)')


def steps_of_the_close() -> list[str]:
    """Every named step at which a close may be killed, in the order in which they stand in the sources."""
    sources = sorted((ROOT / "src" / "tieout").rglob("*.py"))
    return [name for path in sources for name in CLOSE_STEP.findall(path.read_text())]


class Closers:
    """One process that forks for each close that is asked for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def close(self, home: Path, **order: object) -> int:
        """The exit code of one close; the negative number of the signal that killed it."""
        (code,) = self.close_at_once(home, 1, **order)
        return code

    def close_at_once(self, home: Path, closers: int, **order: object) -> list[int]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"home": str(home), "at_once": closers, **order}) + "\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes


@contextmanager
def closers_started(**variables: str) -> Iterator[Closers]:
    """With these variables of the environment beside those there are."""
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.faults.close_driver"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield Closers(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
