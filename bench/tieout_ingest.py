"""Tieout: checked against a contract, exactly deduplicated, digested, chained, durable when it returns."""

from __future__ import annotations

import time
from pathlib import Path

from bench.contender import Outcome, Task, folder_bytes, perform
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.compact_log import compact_log
from tieout.flows.ingest_file import ingest_file
from tieout.wiring import create_home

CATALOG = Path(__file__).parent / "catalog"


def load(task: Task) -> Outcome:
    """Ingest the file into a fresh home."""
    folder = task.folder / "home"
    with create_home(folder) as home:
        apply_catalog(home, CATALOG)
        begin = time.perf_counter()
        report = ingest_file(home, task.file, format="ndjson", source=None, workers=task.workers)
        seconds = time.perf_counter() - begin
        begin = time.perf_counter()
        compact_log(home)
        afterwards = time.perf_counter() - begin
    first, last = report.first_batch, report.last_batch
    commits = 0 if first is None or last is None else last - first + 1
    settings = {
        "durability": "SQLite, WAL, synchronous=FULL",
        "deduplication": "exact, content compared, for ever",
        "beside storing": "contract check, SHA-256 per event, chained batches",
        "received": str(report.received),
    }
    return Outcome(seconds, report.accepted, commits, folder_bytes(folder), settings, afterwards)


if __name__ == "__main__":
    perform(load)
