"""The two ways in which the log changes a disk, recorded on a `Disk`, and broken where a test asks for it:
SQLite's file system, and the store's own files.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import apsw

from tests.faults.power.disk import Disk, is_volatile
from tieout.store.files import CHUNK_BYTES, Files

PIECE_BYTES = 64 * 1024


@dataclass(slots=True)
class Trouble:
    """What goes wrong: the n-th write (from 1) has no room, the n-th sync fails; all of them take time."""

    full_at_write: int | None = None
    full_for: int = 1
    failed_sync: int | None = None
    delay_seconds: float = 0.0
    writes: int = field(default=0, init=False)
    syncs: int = field(default=0, init=False)

    def write_has_room(self) -> bool:
        self.writes += 1
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        first = self.full_at_write
        return first is None or not first <= self.writes < first + self.full_for

    def sync_succeeds(self) -> bool:
        self.syncs += 1
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        return self.syncs != self.failed_sync


class RecordedVfs(apsw.VFS):
    """The system's file system for SQLite, with every change recorded. Unregistered by `unregister`."""

    def __init__(self, name: str, disk: Disk, trouble: Trouble) -> None:
        self.name, self.disk, self.trouble = name, disk, trouble
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _RecordedFile(self.disk, self.trouble, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        path = Path(filename)
        if self._counts(path):
            self.disk.unlink(path)
            if syncdir:
                self.disk.sync_folder(path.parent)

    def _counts(self, path: Path) -> bool:
        return path.is_relative_to(self.disk.root) and not is_volatile(path.name)


class _RecordedFile(apsw.VFSFile):
    def __init__(self, disk: Disk, trouble: Trouble, name: Any, flags: list[int]) -> None:
        self.disk, self.trouble = disk, trouble
        filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.path = Path(filename) if filename else None
        self._syncs_folder = bool(flags[0] & apsw.SQLITE_OPEN_WAL)  # as SQLite does with its first sync
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if not self.trouble.write_has_room():
            raise apsw.FullError
        super().xWrite(data, offset)
        if self.path is not None:
            self.disk.write(self.path, offset, data)

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        if self.path is not None:
            self.disk.truncate(self.path, newsize)

    def xSync(self, _: int) -> None:
        if not self.trouble.sync_succeeds():
            if self.path is not None:
                self.disk.sync(self.path, failed=True)
            raise apsw.IOError
        if self.path is not None:  # that the bytes are on a real disk is of no use here
            self.disk.sync(self.path)
            if self._syncs_folder:
                self.disk.sync_folder(self.path.parent)
                self._syncs_folder = False


class RecordedFiles(Files):
    """The store's own files, with every change recorded. Two bugs on purpose: `syncs_content=False` renames
    without a sync, `syncs_folders=False` leaves names to luck.
    """

    def __init__(
        self, disk: Disk, trouble: Trouble, *, syncs_content: bool = True, syncs_folders: bool = True
    ) -> None:
        self.disk, self.trouble = disk, trouble
        self._syncs_content, self._syncs_folders = syncs_content, syncs_folders

    @contextmanager
    def writing_synced(self, path: Path) -> Iterator[BinaryIO]:
        with path.open("wb") as file:
            yield file
        self._note(path)
        if self._syncs_content:
            self._sync(path)

    def sync(self, path: Path) -> None:
        self._note(path)
        if self._syncs_content:
            self._sync(path)

    def _note(self, path: Path) -> None:
        """A file that was written whole and is not synced yet."""
        content = path.read_bytes()
        for start in range(0, max(len(content), 1), PIECE_BYTES):
            if not self.trouble.write_has_room():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            self.disk.write(path, start, content[start : start + PIECE_BYTES])

    def rewrite_synced(self, path: Path) -> None:
        content = path.read_bytes()
        for start in range(0, len(content), CHUNK_BYTES):
            self.disk.write(path, start, content[start : start + CHUNK_BYTES])
        self._sync(path)

    def _sync(self, path: Path) -> None:
        succeeds = self.trouble.sync_succeeds()
        self.disk.sync(path, failed=not succeeds)
        if not succeeds:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.disk.rename(source, target)

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.disk.unlink(path)

    def make_folder(self, folder: Path) -> None:
        super().make_folder(folder)
        self.disk.make_folder(folder)

    def sync_folder(self, folder: Path) -> None:
        if self._syncs_folders and folder.is_relative_to(self.disk.root):
            self.disk.sync_folder(folder)
