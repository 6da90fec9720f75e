"""Reads a file piece by piece, plain or gzip, and notices when it is not the same file at the end as at the
start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeVar

from tieout.ingest.framing import unpacked
from tieout.kernel.errors import NotFound, Refusal

BLOCK_BYTES = 8 * 1_048_576
"""Lines that are decoded and appended as one batch."""
PIECE_BYTES = BLOCK_BYTES

Taken = TypeVar("Taken")
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
        self.path = path

    def __reduce__(self) -> tuple[type[FileChanged], tuple[Path]]:
        """It may come from a process that decodes."""
        return FileChanged, (self.path,)


class FileReading:
    """One reading of a file: its pieces, and afterwards whether it stayed the same file all the while."""

    def __init__(self, path: Path, progress: ReadProgress | None) -> None:
        self.path = path
        self._progress = progress
        self._identity: tuple[int, int, int, int] | None = None
        self._kept = ExitStack()

    def __enter__(self) -> FileReading:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def pieces(self) -> Iterator[bytes]:
        """The file's bytes, unpacked where it is gzip. Raises `FileMissing` and `MalformedGzip`."""
        yield from unpacked(self.read_by(self.pieces_of), file=str(self.path))

    def read_by(self, take: Callable[[BinaryIO], Iterator[Taken]]) -> Iterator[Taken]:
        """What `take` makes of the opened file. Raises `FileMissing`."""
        try:
            with self.path.open("rb") as file:
                self._identity = _identity(os.fstat(file.fileno()))
                yield from take(file)
        except OSError as error:
            raise FileMissing(self.path, error.strerror or str(error)) from None

    def pieces_of(self, file: BinaryIO) -> Iterator[bytes]:
        """What the opened file still holds, as it is stored."""
        while piece := file.read(PIECE_BYTES):
            self.progressed(file.tell())
            yield piece

    def progressed(self, done: int) -> None:
        if self._progress is not None and self._identity is not None:
            _, _, size, _ = self._identity
            self._progress(done, max(size, done))

    def kept_open(self, descriptor: int) -> int:
        """Another descriptor of an open file, which stays open until this reading is left."""
        kept = os.dup(descriptor)
        self._kept.callback(os.close, kept)
        return kept

    def check_unchanged(self) -> None:
        """Once everything read is taken in. Raises `FileChanged`."""
        try:
            is_still = _identity(self.path.stat()) == self._identity
        except OSError:
            is_still = False
        if not is_still:
            raise FileChanged(self.path)


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
        yield without_overlong(b"".join([*carried, memoryview(piece)[:end]]), item_bytes_max)
        carried, carried_bytes = [piece[end:]], len(piece) - end
    block = b"".join(carried)
    if block:
        yield without_overlong(block, item_bytes_max)


def without_overlong(block: bytes, item_bytes_max: int) -> bytes:
    """The block with lines longer than `item_bytes_max` cut one byte beyond it."""
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
