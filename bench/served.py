"""The contenders of the HTTP rows, each as a running server: `tieout serve`, and the same HTTP stack over
PostgreSQL.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.tieout_ingest import CATALOG
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.wiring import create_home, open_home

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"http://127\.0\.0\.1:([0-9]+)")
END_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, the token it takes, how long it took to say so, and its process."""

    port: int
    token: str
    start_seconds: float
    pid: int


@contextmanager
def tieout(folder: Path, workers: int) -> Iterator[Address]:
    """A fresh home, served. Raises unless all it acknowledged is stored: see `stored_events`."""
    with create_home(folder) as home:
        apply_catalog(home, CATALOG)
    with existing(folder, workers) as address:
        yield address


@contextmanager
def existing(folder: Path, workers: int) -> Iterator[Address]:
    """A home that is there already, served. Nothing is closed: its months lie in the past."""
    with open_home(folder) as home:
        _, token = create_api_key(home, name="bench", role="source", sources=["*"])
    command = ["-m", "tieout.cli", "serve", "--home", str(folder), "--port", "0", "--workers", str(workers)]
    command.append("--no-close")
    with _running(command) as (port, seconds, pid):
        yield Address(port, token, seconds, pid)


def stored_events(folder: Path) -> tuple[int, int]:
    """(events accepted, batches) of a home."""
    with open_home(folder) as home:
        return sum(tally.items for tally in home.log.tallies()), home.log.head()


@contextmanager
def postgresql(folder: Path, workers: int) -> Iterator[Address]:
    """PostgreSQL in an empty folder, behind the same HTTP stack."""
    with _running(["-m", "bench.postgres_server", str(folder), str(workers)]) as (port, seconds, pid):
        yield Address(port, "tieout-0000000000000000-00", seconds, pid)


@contextmanager
def _running(command: list[str]) -> Iterator[tuple[int, float, int]]:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if found := ADDRESS.search(line):
            break
    else:
        raise SystemExit(f"a server did not start: {said}")
    try:
        yield int(found[1]), time.perf_counter() - begin, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        if process.wait(END_SECONDS):
            raise SystemExit(f"a server failed: {rest}")
