"""Files that `write_durably` was still writing when its process was killed or the disk was full."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tieout.store.files import remove

UNFINISHED: Final = ".*.new"


def remove_unfinished(folder: Path) -> list[Path]:
    """Deletes them from `folder` and below, for who holds the folder's lease; returns their paths."""
    found = sorted(folder.rglob(UNFINISHED))
    for path in found:
        remove(path)
    return found
