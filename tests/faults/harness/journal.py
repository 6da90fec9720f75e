"""A sender's own journal: what was acknowledged to it, synced before it sends anything else."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.faults.harness.items import BlockName

Acknowledged = dict[BlockName, dict[str, int] | None]
"""Items by verdict, as they were told; None if only the acknowledgement is known."""


def write(folder: Path, name: BlockName, told: dict[str, int] | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with _file(folder, name.writer).open("a") as file:
        file.write(json.dumps({"block": name.number, "told": told}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Acknowledged:
    """A line that was cut off was not acknowledged."""
    found: Acknowledged = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().split("\n")[:-1]:
            entry = json.loads(line)
            found[BlockName(int(path.stem), entry["block"])] = entry["told"]
    return found


def _file(folder: Path, writer: int) -> Path:
    return folder / f"{writer}.jsonl"
