"""Files that survive: written beside, synced, renamed, and the folder synced.

Every step that a loss of power may come before or after is a method of `Files`, so that a test can lose
what was not synced; the store changes files of its own through it alone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK_BYTES = 1_048_576


class Files:
    """The system's files. Nothing is durable but what a method with `synced` or `sync` in its name did."""

    def write_synced(self, path: Path, content: bytes) -> None:
        """The content is durable; that the folder names the file is not yet."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rewrite_synced(self, path: Path) -> None:
        """Writes what a file holds over itself: after a failed sync the system counts as written what never
        reached the disk, and would not try again.
        """
        with path.open("r+b") as file:
            while chunk := file.read(CHUNK_BYTES):
                file.seek(-len(chunk), os.SEEK_CUR)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_in_use: list[Files] = [Files()]


@contextmanager
def using_files(files: Files) -> Iterator[None]:
    """In this process the store writes through `files` until the end: a test's way to break a disk."""
    _in_use.append(files)
    try:
        yield
    finally:
        _in_use.remove(files)


def write_durably(path: Path, content: bytes) -> None:
    """`path` holds `content` after this returns, whatever happens next; before, it holds what it held."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    _in_use[-1].write_synced(beside, content)
    _in_use[-1].rename(beside, path)
    sync_folder(path.parent)


def rewrite_durably(path: Path) -> None:
    """What `path` holds is durable after this returns, even if a sync of it has failed before."""
    _in_use[-1].rewrite_synced(path)
    sync_folder(path.parent)


def make_folder_durably(folder: Path) -> None:
    """The folder and those above it are there, and stay: a synced file in an unsynced folder is lost with
    it.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        _in_use[-1].make_folder(each)
        sync_folder(each.parent)


def remove(path: Path) -> None:
    """No error where it is gone already. May come back with a loss of power."""
    _in_use[-1].unlink(path)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    _in_use[-1].sync_folder(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for the lock file's exclusive lock; fair where SQLite's busy handler would starve a writer."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def leased(path: Path) -> Iterator[bool]:
    """True if the lock file's exclusive lock was free; held until the end. Never waits."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
