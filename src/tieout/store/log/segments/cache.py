"""Copies of remote segments on this machine: verified when they come, bounded, shared by any number of
processes, and worthless when lost.

A copy takes its name only when it is whole and is what was written, so a killed process leaves drafts and
never a wrong copy. What was used in the last 15 minutes is never removed: a reader may still hold its path.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import Final

from tieout.ports import UnreadableSegment
from tieout.store.files import leased, sync_folder
from tieout.store.log.segments.local import SUFFIX, draft_in
from tieout.store.log.unfinished import remove_unfinished

CACHE_BYTES_MAX: Final = 16 * 1024**3
IN_USE_SECONDS: Final = 15 * 60
DRAFT_SECONDS_MAX: Final = 3_600
TOUCH_SECONDS: Final = 60

Fetch = Callable[[str, Path], None]
"""(name, local path) -> writes the remote file's bytes there; `FileNotFoundError` where there is none."""


class SegmentCache:
    """Local copies under `folder`, of at most `bytes_max` bytes beside those in use."""

    def __init__(self, folder: Path, *, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self.folder = folder
        self._bytes_max = bytes_max

    def path(self, name: str, *, bytes_count: int, sha256: bytes, fetch: Fetch) -> Path:
        """The copy of a segment, fetched if it is not here. Raises `UnreadableSegment` if what was fetched is
        not what was written.
        """
        path = self.folder / name
        if self._is_here(path, bytes_count):
            return path
        draft = draft_in(self.folder)
        try:
            try:
                fetch(name, draft)
            except FileNotFoundError:
                raise UnreadableSegment(name, "it is missing where segments are stored") from None
            why = difference(draft, bytes_count=bytes_count, sha256=sha256)
            if why is not None:
                raise UnreadableSegment(name, why)
            self.take(draft, name)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def take(self, draft: Path, name: str) -> None:
        """Makes a local file that is known to be right the copy of `name`."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
        self.shrink()

    def forget(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def forget_changed(self, name: str, *, bytes_count: int, sha256: bytes) -> None:
        """Removes the copy if it is no longer what was written."""
        try:
            changed = difference(self.folder / name, bytes_count=bytes_count, sha256=sha256)
        except FileNotFoundError:
            return
        if changed is not None:
            self.forget(name)

    def shrink(self) -> None:
        """Removes the copies used longest ago until the rest fits. One process at a time; others go on."""
        now = time.time()
        with leased(self.folder / "cache.lock") as free:
            if not free:
                return
            self._remove_old_drafts(now)
            copies = sorted(self._copies())
            total = sum(size for _, size, _ in copies)
            for used_at, size, path in copies:
                if total <= self._bytes_max or used_at > now - IN_USE_SECONDS:
                    break
                path.unlink(missing_ok=True)
                total -= size

    def discard_drafts(self) -> list[Path]:
        return remove_unfinished(self.folder)

    def _is_here(self, path: Path, bytes_count: int) -> bool:
        try:
            found = path.stat()
            if found.st_size != bytes_count:
                return False
            if found.st_mtime < time.time() - TOUCH_SECONDS:
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _copies(self) -> list[tuple[float, int, Path]]:
        copies = []
        for path in self.folder.rglob(f"*{SUFFIX}"):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            copies.append((found.st_mtime, found.st_size, path))
        return copies

    def _remove_old_drafts(self, now: float) -> None:
        """Of a killed process; a living one writes to its draft at least once in an hour."""
        for path in self.folder.glob(".draft-*.new"):
            try:
                if path.stat().st_mtime < now - DRAFT_SECONDS_MAX:
                    path.unlink()
            except FileNotFoundError:
                continue


def difference(path: Path, *, bytes_count: int, sha256: bytes) -> str | None:
    """How a file differs from what was written; None where it does not."""
    found = path.stat().st_size
    if found != bytes_count:
        return f"it has {found} bytes and was written with {bytes_count}"
    digest = digest_of(path)
    if digest != sha256:
        return f"it has the SHA-256 {digest.hex()} and was written with {sha256.hex()}"
    return None


def digest_of(path: Path) -> bytes:
    """The file's SHA-256."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()
