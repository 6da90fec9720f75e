"""A sender for the faults of the log: writes numbered blocks, and remembers durably what was acknowledged.

Block n holds the events e<n>-0 to e<n>-19, one of them twice, and one broken line. The journal is what a
careful sender keeps: one line per acknowledged block, synced before the next block is sent.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tests.logs import counts, event, ndjson, open_log, send
from tieout.kernel.instant import Instant
from tieout.store.log.index import levels

EVENTS_PER_BLOCK = 20
RECEIVED_PER_BLOCK = EVENTS_PER_BLOCK + 2
COMPACT_EVERY = 5
RUN_BATCHES = 8
"""Shorter runs of the index than those of a real log, so that a test has some to merge."""
_processes: list[ForkServerContext] = []


def processes() -> ForkServerContext:
    """Starts processes in milliseconds: each is forked from a server that has imported this module."""
    if not _processes:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        _processes.append(context)
    return _processes[0]


def block(number: int) -> bytes:
    items: list[object] = [event(f"e{number}-{place}", number + place) for place in range(EVENTS_PER_BLOCK)]
    return ndjson([*items[:7], items[3], {"broken": number}, *items[7:]])


def write_blocks(folder: Path, journal: Path, upto: int, now: Instant, crash_at: str | None = None) -> None:
    """Sends block after block, from the first that the journal does not name; compacts now and then."""
    levels.RUN_BATCHES = RUN_BATCHES
    if crash_at is not None:
        os.environ["CRASH_AT"] = crash_at
    log, engine = open_log(folder, now=now)
    for number in range(len(acknowledged(journal)), upto):
        told = counts(send(log, block(number)))
        with journal.open("a") as file:
            file.write(json.dumps(told) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if number % COMPACT_EVERY == COMPACT_EVERY - 1:
            log.compact(rows_min=1)
    engine.dispose()


def acknowledged(journal: Path) -> list[dict[str, int]]:
    """The verdicts of each block that was acknowledged; a line that was cut off was not."""
    if not journal.exists():
        return []
    return [json.loads(line) for line in journal.read_text().split("\n")[:-1]]


def start(
    folder: Path, journal: Path, upto: int, now: Instant, crash_at: str | None = None
) -> ForkServerProcess:
    process = processes().Process(target=write_blocks, args=(folder, journal, upto, now, crash_at))
    process.start()
    return process
