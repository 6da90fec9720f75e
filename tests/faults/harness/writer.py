"""A writer process: sends block after block into one log, and journals what was acknowledged to it.

`CRASH_AT` kills it at a named point; `plant` puts a bug into this process before it starts (see `planted`).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tests.faults.harness import journal, planted
from tests.faults.harness.items import BlockName
from tests.faults.harness.sender import send_persistently, short_runs
from tests.logs import NOW, open_log
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import Instant
from tieout.store import crash

COMPACT_EVERY = 5
PASSED_FILE = "passed.json"
_processes: list[ForkServerContext] = []


@dataclass(frozen=True, slots=True)
class Writing:
    """What one writer process does. `pause_at`: a named point at which it stops itself, once."""

    folder: Path
    journals: Path
    writer: int = 0
    blocks: int = 12
    now: Instant = NOW
    url: str | None = None
    crash_at: str | None = None
    plant: str | None = None
    pause_at: str | None = None
    compacts: bool = True
    jumping_clock: bool = False

    def run(self) -> None:
        """The body of the process. Exit codes are those of the command line."""
        if self.crash_at is not None:
            os.environ["CRASH_AT"] = self.crash_at
        with ExitStack() as bugs:
            bugs.enter_context(short_runs())
            planted.plant(self.plant, bugs, self)
            planted.pause_at(self.pause_at, bugs)
            try:
                self._send_all()
            except TieoutError as error:
                sys.stderr.write(f"tieout: {error}\n")
                sys.exit(error.exit_code)
        if self.crash_at is not None:
            (self.folder / PASSED_FILE).write_text(json.dumps(crash._passed))

    def _send_all(self) -> None:
        clock = JumpingClock(self.now, seed=self.writer) if self.jumping_clock else None
        log, engine = open_log(self.folder, now=self.now, url=self.url, clock=clock)
        done = journal.read(self.journals)
        for number in range(self.blocks):
            name = BlockName(self.writer, number)
            if name in done:
                continue
            journal.write(self.journals, name, send_persistently(log, name))
            if self.compacts and number % COMPACT_EVERY == COMPACT_EVERY - 1:
                log.compact(rows_min=1)
        log._opened_index().settle()  # index files are written beside; the end waits for them
        engine.dispose()

    def start(self) -> ForkServerProcess:
        process = processes().Process(target=self.run)
        process.start()
        return process

    def finished(self) -> int | None:
        """The exit code of a process that does this from start to end."""
        process = self.start()
        process.join(120)
        return process.exitcode

    def undisturbed(self) -> Writing:
        """The same sender, later, with nothing in its way."""
        later = Instant(NOW + 2 * 3_600_000_000)
        return replace(self, crash_at=None, plant=None, pause_at=None, now=later)


class JumpingClock:
    """A clock that someone keeps setting: forward and back, by microseconds and across hours."""

    JUMPS = (-7_200_000_000, -3_600_000_001, -60_000_000, -1, 0, 1, 59_000_000, 3_600_000_000, 9_000_000_000)

    def __init__(self, start: Instant, *, seed: int) -> None:
        self._now, self._generator = start, random.Random(seed)

    def now(self) -> Instant:
        self._now = Instant(self._now + self._generator.choice(self.JUMPS))
        return self._now


def processes() -> ForkServerContext:
    """Starts processes in milliseconds: each is forked from a server that has imported this module."""
    if not _processes:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        _processes.append(context)
    return _processes[0]


def wait_until_stopped(process: ForkServerProcess) -> None:
    """Until the process has stopped itself."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "T":
            return
        assert process.is_alive(), "the process ended without passing the point"
        time.sleep(0.01)
    raise AssertionError("the process never stopped")


def passed(folder: Path) -> Counter[str]:
    """How often a writer that ran to its end passed each named point."""
    return Counter(json.loads((folder / PASSED_FILE).read_text()))
