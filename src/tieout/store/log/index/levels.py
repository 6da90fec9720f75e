"""Which batches a run file covers: a rule about batch numbers alone, so that every process files the same
runs.

`RUN_BATCHES` batches make a run of level 0, `FAN_OUT` runs of a level one of the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

RUN_BATCHES = 64
"""At 300 small commits a second five files a second, each synced; with batches of 65,536 rows 4 million
entries in memory until they are filed. Read when it is used: tests make it shorter."""
FAN_OUT: Final = 8
_NAME: Final = re.compile(r"([0-9]{12})-([0-9]{12})\.run")

Range = tuple[int, int]
"""(first batch, last batch) of a run."""


def run_range(batch: int) -> Range:
    """The run of level 0 that `batch` belongs to."""
    first = (batch - 1) // RUN_BATCHES * RUN_BATCHES + 1
    return first, first + RUN_BATCHES - 1


def due_group(ranges: Sequence[Range], *, shorter_than: int | None = None) -> int | None:
    """The place in `ranges` where `FAN_OUT` runs begin that are to become one: the shortest there is.

    With `shorter_than`, only of runs that cover fewer batches than that.
    """
    best: tuple[int, int] | None = None
    for place in range(len(ranges) - FAN_OUT + 1):
        first, last = ranges[place]
        length = last - first + 1
        if (first - 1) % (length * FAN_OUT) or (shorter_than is not None and length >= shorter_than):
            continue
        if all(
            run == range_after(ranges[place], steps) for steps, run in enumerate(ranges[place:][:FAN_OUT])
        ):
            best = min(best or (length, place), (length, place))
    return None if best is None else best[1]


def range_after(start: Range, steps: int) -> Range:
    """The range `steps` lengths further on."""
    length = start[1] - start[0] + 1
    return start[0] + steps * length, start[1] + steps * length


def run_path(folder: Path, covered: Range) -> Path:
    return folder / f"{covered[0]:012}-{covered[1]:012}.run"


def range_of(path: Path) -> Range | None:
    """What a run file's name says it covers; None for a name that no run has."""
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), int(match[2])) if match else None


def listed(folder: Path) -> dict[Range, Path]:
    """The run files of a folder, whatever is in them."""
    found = ((range_of(path), path) for path in folder.glob("*.run"))
    return {covered: path for covered, path in found if covered is not None}
