"""How long it takes until somebody who types a command sees something: help, and a server that listens."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench import served
from bench.tieout_ingest import CATALOG
from tieout.flows.apply_catalog import apply_catalog
from tieout.wiring import create_home

ROOT = Path(__file__).resolve().parents[1]
HELP_SECONDS_MAX, SERVE_SECONDS_MAX = 0.5, 3
Row = dict[str, str | int | float]


def measure(folder: Path, *, workers: int, rounds: int) -> list[Row]:
    """The rows of bench.json: medians of whole processes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with create_home(folder / "home") as home:
        apply_catalog(home, CATALOG)
    rows: list[Row] = [
        {"name": "start_help", "value": _median([help_seconds() for _ in range(rounds)]), "unit": "s"},
        {
            "name": "start_serve",
            "value": _median([serve_seconds(folder / "home", workers) for _ in range(rounds)]),
            "unit": "s",
        },
    ]
    shutil.rmtree(folder, ignore_errors=True)
    return rows


def help_seconds() -> float:
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tieout.cli", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - begin


def serve_seconds(home: Path, workers: int) -> float:
    """From the command to the line that says where it listens; what makes the key is not counted."""
    with served.existing(home, workers) as address:
        return address.start_seconds


def floors_told(rows: list[Row]) -> list[str]:
    values = {str(row["name"]): float(row["value"]) for row in rows}
    return [
        f"{name}, at most {most} s: {'reached' if values[name] <= most else 'NOT reached'}"
        for name, most in (("start_help", HELP_SECONDS_MAX), ("start_serve", SERVE_SECONDS_MAX))
    ]


def _median(seconds: list[float]) -> float:
    return round(median(seconds), 2)
