"""Segments in a folder of the home: a draft beside, renamed when whole, and the folder synced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from tieout.store.files import make_folder_durably, remove, rename, sync_folder
from tieout.store.log.unfinished import remove_unfinished

LOCK_NAME: Final = "compact.lock"
SUFFIX: Final = ".parquet"
_ordinals = count()


def draft_in(folder: Path) -> Path:
    """A name that no other writer takes and that `remove_unfinished` knows as unfinished."""
    make_folder_durably(folder)
    return folder / f".draft-{os.getpid()}-{next(_ordinals)}.new"


class LocalSegments:
    """The port `SegmentFiles` in one folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        return str(self._folder)

    @property
    def lock(self) -> Path:
        make_folder_durably(self._folder)
        return self._folder / LOCK_NAME

    def draft(self) -> Path:
        return draft_in(self._folder)

    def put(self, draft: Path, name: str) -> None:
        path = self._folder / name
        make_folder_durably(path.parent)
        rename(draft, path)
        sync_folder(path.parent)

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self._folder)) for path in self._folder.rglob(f"*{SUFFIX}"))

    def delete(self, name: str) -> None:
        remove(self._folder / name)

    def discard_drafts(self) -> list[str]:
        return [str(path.relative_to(self._folder)) for path in remove_unfinished(self._folder)]

    def local_path(
        self,
        name: str,
        *,
        bytes_count: int,  # noqa: ARG002 (as the port says)
        sha256: bytes,  # noqa: ARG002
        distrust: bool = False,  # noqa: ARG002
    ) -> str:
        return str(self._folder / name)

    @contextmanager
    def stored(self, name: str) -> Iterator[Path]:
        yield self._folder / name
