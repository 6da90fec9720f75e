"""Reads one file into the log with a progress bar and a stop-watch; the flow knows only the home's clock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns

from tieout.cli.screen import progress
from tieout.flows.home import Home
from tieout.flows.ingest_file import IngestReport, ingest_file

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Timed:
    """What became of a file, and how long that took."""

    report: IngestReport
    nanoseconds: int

    @property
    def events_per_second(self) -> int:
        return self.report.received * NANOSECONDS // max(self.nanoseconds, 1)


def timed_ingest(home: Home, path: Path, *, format: str | None, source: str | None) -> Timed:
    """Raises what `ingest_file` raises."""
    began = perf_counter_ns()
    with progress(f"Reading {path.name}") as advance:
        workers = len(os.sched_getaffinity(0))
        report = ingest_file(home, path, format=format, source=source, progress=advance, workers=workers)
    return Timed(report, perf_counter_ns() - began)
