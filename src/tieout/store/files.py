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
from typing import BinaryIO

CHUNK_BYTES = 1_048_576


class Files:
    """The system's files. Nothing is durable but what a method with `synced` or `sync` in its name did."""

    @contextmanager
    def writing_synced(self, path: Path) -> Iterator[BinaryIO]:
        """A new file, durable once the block has ended; that the folder names it is not yet."""
        with path.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def sync(self, path: Path) -> None:
        """What was written to the file before, by whomever, is durable."""
        with path.open("rb") as file:
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
    with writing_durably(path) as file:
        file.write(content)


@contextmanager
def writing_durably(path: Path) -> Iterator[BinaryIO]:
    """As `write_durably`, for a file written in parts: it is at `path`, synced, once the block has ended.

    After an error in the block nothing of it is left.
    """
    files = _in_use[-1]
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with files.writing_synced(beside) as file:
            yield file
    except BaseException:
        files.unlink(beside)
        raise
    files.rename(beside, path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Makes what was written to a file durable; that its folder names it is another matter."""
    _in_use[-1].sync(path)


def rename(source: Path, target: Path) -> None:
    """At once, and durable once the folder is synced."""
    _in_use[-1].rename(source, target)


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
