"""A server of the simulation as others see it: an address, processes to kill, and what it told."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.surface.served import parent_of

ROOT = Path(__file__).parents[2]
SERVING = re.compile(r"serving .* on http://127.0.0.1:([0-9]+) with")
START_SECONDS_MAX = 120


@dataclass(slots=True)
class Running:
    """`told`: the file with what it wrote to stderr."""

    process: subprocess.Popen[bytes]
    told: Path
    port: int = 0

    def processes(self) -> list[int]:
        """Those below the supervisor."""
        return [
            int(entry)
            for entry in os.listdir("/proc")
            if entry.isdigit() and parent_of(int(entry)) == self.process.pid
        ]

    def kill_one(self, chance: random.Random) -> bool:
        """Any process below the supervisor, wherever it is."""
        found = self.processes()
        return bool(found) and _kill(chance.choice(found))

    def kill_all(self, *, supervisor_first: bool) -> None:
        """As a machine that stops. Without a supervisor the others end by themselves, after what they do."""
        below = self.processes()
        _kill(self.process.pid)
        self.process.wait()
        for pid in () if supervisor_first else below:
            _kill(pid)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def wait_until(self, what: str, holds: Callable[[], bool], *, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.told.read_text()[-4_000:]}")
            time.sleep(0.1)


def start(
    folder: Path, now: datetime, *, told: Path, crash_at: dict[str, int] | None = None, notes: Path
) -> Running:
    """A server whose clock begins at `now`; its processes die at `crash_at`, point and pass."""
    offset = int((now - datetime.now(UTC)).total_seconds() * 1_000_000)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "CRASH_NOTES": str(notes)}
    if crash_at:
        environment["CRASH_AT"] = ",".join(f"{point}:{count}" for point, count in crash_at.items())
    with told.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulation.server", str(folder), str(offset)],
            stderr=out,
            cwd=ROOT,
            env=environment,
        )
    running = Running(process, told)
    until = time.monotonic() + START_SECONDS_MAX
    while not running.port:
        found = SERVING.search(told.read_text())
        if found:
            running.port = int(found[1])
        elif process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"the server did not start:\n{told.read_text()}")
        time.sleep(0.05)
    return running


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
