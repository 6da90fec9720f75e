"""Reads a file piece by piece, plain or gzip, and notices when it is not the same file at the end as at the
start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tieout.ingest.framing import unpacked
from tieout.kernel.errors import NotFound, Refusal

BLOCK_BYTES = 8 * 1_048_576
"""Lines that are decoded and appended as one batch."""
PIECE_BYTES = BLOCK_BYTES

ReadProgress = Callable[[int, int], None]
"""(bytes read, bytes in all)."""


class FileMissing(NotFound):
    """There is no such file, or it cannot be read."""

    code = "file-missing"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be read: {why}.")


class EmptyFile(Refusal):
    """A file without a single item was given; most likely it is not the one that was meant."""

    code = "empty-file"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}, line 1: the file holds no items; nothing was received.")


class FileChanged(Refusal):
    """The file was replaced or written to while it was read."""

    code = "file-changed"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} changed while it was read. What was read of it is in the log; "
            "ingest it again, nothing will double."
        )


class FileReading:
    """One reading of a file: its pieces, and afterwards whether it stayed the same file all the while."""

    def __init__(self, path: Path, progress: ReadProgress | None) -> None:
        self._path = path
        self._progress = progress
        self._is_changed = False

    def pieces(self) -> Iterator[bytes]:
        """The file's bytes, unpacked where it is gzip. Raises `FileMissing` and `MalformedGzip`."""
        yield from unpacked(self._stored_pieces(), file=str(self._path))

    def check_unchanged(self) -> None:
        """Once all pieces are taken in. Raises `FileChanged`."""
        if self._is_changed:
            raise FileChanged(self._path)

    def _stored_pieces(self) -> Iterator[bytes]:
        size = file_bytes(self._path)
        done = 0
        try:
            with self._path.open("rb") as file:
                before = _identity(os.fstat(file.fileno()))
                while piece := file.read(PIECE_BYTES):
                    done += len(piece)
                    if self._progress is not None:
                        self._progress(done, max(size, done))
                    yield piece
                after = _identity(os.fstat(file.fileno()))
        except OSError as error:
            raise FileMissing(self._path, error.strerror or str(error)) from None
        self._is_changed = before != after or not self._is_still(after)

    def _is_still(self, identity: tuple[int, int, int, int]) -> bool:
        try:
            return _identity(self._path.stat()) == identity
        except OSError:
            return False


def file_bytes(path: Path) -> int:
    """The file's size as stored. Raises `FileMissing`."""
    try:
        if not path.is_file():
            raise FileMissing(path, "no such file" if not path.exists() else "not a file")
        return path.stat().st_size
    except OSError as error:
        raise FileMissing(path, error.strerror or str(error)) from None


def line_blocks(pieces: Iterator[bytes], *, item_bytes_max: int) -> Iterator[bytes]:
    """Whole lines in blocks of about BLOCK_BYTES; the last line may lack its newline.

    A line longer than `item_bytes_max` is cut one byte beyond it: too large either way, and memory stays
    bounded.
    """
    carried: list[bytes] = []
    carried_bytes = 0
    for piece in pieces:
        carried_bytes += len(piece)
        end = piece.rfind(b"\n") + 1
        if not end or carried_bytes < BLOCK_BYTES:
            carried.append(piece if carried_bytes <= BLOCK_BYTES + item_bytes_max else b"")
            continue
        yield _without_overlong(b"".join([*carried, memoryview(piece)[:end]]), item_bytes_max)
        carried, carried_bytes = [piece[end:]], len(piece) - end
    block = b"".join(carried)
    if block:
        yield _without_overlong(block, item_bytes_max)


def _without_overlong(block: bytes, item_bytes_max: int) -> bytes:
    if block.find(b"\n", 0, item_bytes_max + 1) >= 0 and _longest_line_fits(block, item_bytes_max):
        return block
    return b"\n".join([line[: item_bytes_max + 1] for line in block.split(b"\n")])


def _longest_line_fits(block: bytes, item_bytes_max: int) -> bool:
    """Looks for a newline in every stretch of `item_bytes_max` bytes, jumping from the last one of each."""
    start = 0
    while len(block) - start > item_bytes_max:
        end = block.rfind(b"\n", start, start + item_bytes_max + 1)
        if end < 0:
            return False
        start = end + 1
    return True


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
