"""What every contender does: load one file into an empty folder in a process of its own, and say how it went.

The clock runs from the first byte read to the last commit. What a contender keeps ready between loads (a
started server, a made table, an initialised home with its catalog) is made before; the processes that
decode are started while it runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Task:
    """The file of `events` events, an empty folder, how many processes may work, and the rows of a commit."""

    file: Path
    folder: Path
    events: int
    workers: int
    batch_rows: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds taken, events then found stored, commits made, bytes on disk, and the settings in force.

    `afterwards_seconds` is work that the contender leaves for later: Tieout's compaction into sorted
    segments.
    """

    seconds: float
    events: int
    commits: int
    stored_bytes: int
    settings: dict[str, str] = field(default_factory=dict)
    afterwards_seconds: float = 0


def folder_bytes(folder: Path) -> int:
    """The length of all files below `folder`, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def perform(load: Callable[[Task], Outcome]) -> None:
    """Run one contender as a program: the task from the arguments, the outcome as JSON on stdout."""
    parser = argparse.ArgumentParser(description=load.__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--batch-rows", type=int, required=True)
    asked = parser.parse_args()
    outcome = load(Task(asked.file, asked.folder, asked.events, asked.workers, asked.batch_rows))
    if outcome.events != asked.events:
        raise SystemExit(f"{outcome.events} events stored of {asked.events}: this round measured nothing")
    print(json.dumps(asdict(outcome)))
