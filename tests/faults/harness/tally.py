"""How many faults a test run injected, and how many acknowledged events were lost: said at its end.

Each process adds lines to a file of its own in one folder, so that the workers of a parallel run add up.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "TIEOUT_FAULT_TALLY"


def injected(faults: int = 1, *, lost: int = 0) -> None:
    """Counts faults that were injected and checked, and acknowledged events that were found lost."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return
    with (Path(folder) / f"{os.getpid()}.tally").open("a") as file:
        file.write(f"{faults} {lost}\n")


def total(folder: Path) -> tuple[int, int]:
    """(faults injected, acknowledged events lost)."""
    lines = [line.split() for path in folder.glob("*.tally") for line in path.read_text().splitlines()]
    return sum(int(faults) for faults, _ in lines), sum(int(lost) for _, lost in lines)


def last_word(folder: Path) -> str:
    faults, lost = total(folder)
    return f"faults injected: {faults:,}, acknowledged events lost: {lost:,}"
