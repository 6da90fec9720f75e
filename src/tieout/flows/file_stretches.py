"""The lines of a plain file as stretches of it, which the process that decodes them reads for itself: copying
the file from process to process would cost as much as reading it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tieout.flows.file_pieces import BLOCK_BYTES, FileChanged, FileReading, line_blocks, without_overlong
from tieout.ingest.framing import BYTE_ORDER_MARK, GZIP_MAGIC, unpacked, without_mark

WINDOW_BYTES = 65_536
"""Where the end of a line is looked for first; most lines are shorter."""


@dataclass(frozen=True, slots=True)
class FileStretch:
    """Bytes `begin` to `end` of an open file: whole lines; the last of the file may lack its newline.

    `opened` leads any process of this user to the open file, also once the name `path` leads to another.
    """

    path: Path
    opened: str
    begin: int
    end: int
    inode: tuple[int, int]
    modified_at: int
    item_bytes_max: int

    def read(self) -> bytes:
        """Raises `FileChanged` where the file has become shorter."""
        content, _ = self._content()
        return content

    def read_again(self) -> bytes:
        """What was read before. Raises `FileChanged` where it may be something else by now."""
        content, modified_at = self._content()
        if modified_at != self.modified_at:
            raise FileChanged(self.path)
        return content

    def _content(self) -> tuple[bytes, int]:
        with Path(self.opened).open("rb", buffering=0) as file:
            content = os.pread(file.fileno(), self.end - self.begin, self.begin)
            status = os.fstat(file.fileno())
        if len(content) != self.end - self.begin or (status.st_dev, status.st_ino) != self.inode:
            raise FileChanged(self.path)
        return without_overlong(content, self.item_bytes_max), status.st_mtime_ns


def blocks_of_lines(reading: FileReading, *, item_bytes_max: int) -> Iterator[bytes | FileStretch]:
    """The file's whole lines in blocks of about BLOCK_BYTES, without a byte order mark: stretches of a plain
    file, otherwise their bytes. Lines beyond `item_bytes_max` are cut. Raises as `FileReading.pieces`.
    """
    return reading.read_by(partial(_blocks, reading, item_bytes_max=item_bytes_max))


def _blocks(reading: FileReading, file: BinaryIO, *, item_bytes_max: int) -> Iterator[bytes | FileStretch]:
    done = 0
    for stretch in _stretches(reading, file.fileno(), item_bytes_max=item_bytes_max):
        done = stretch.end
        reading.progressed(done)
        yield stretch
    file.seek(done)
    pieces = reading.pieces_of(file)
    if not done:
        pieces = without_mark(unpacked(pieces, file=str(reading.path)))
    yield from line_blocks(pieces, item_bytes_max=item_bytes_max)


def _stretches(reading: FileReading, descriptor: int, *, item_bytes_max: int) -> Iterator[FileStretch]:
    """Ends early before a stretch that has no newline where one must be: none at all where the file is gzip,
    or where other processes have no way to what this one has open.
    """
    head = os.pread(descriptor, len(BYTE_ORDER_MARK), 0)
    opened = f"/proc/{os.getpid()}/fd/{reading.kept_open(descriptor)}"
    if head.startswith(GZIP_MAGIC) or not os.access(opened, os.R_OK):
        return
    status = os.fstat(descriptor)
    begin = len(BYTE_ORDER_MARK) if head == BYTE_ORDER_MARK else 0
    while begin < status.st_size:
        end = _end_of_lines(descriptor, begin, status.st_size, item_bytes_max=item_bytes_max)
        if end is None:
            return
        inode = (status.st_dev, status.st_ino)
        yield FileStretch(reading.path, opened, begin, end, inode, status.st_mtime_ns, item_bytes_max)
        begin = end


def _end_of_lines(descriptor: int, begin: int, size: int, *, item_bytes_max: int) -> int | None:
    target = begin + BLOCK_BYTES
    if target >= size:
        return size
    for window in (WINDOW_BYTES, item_bytes_max + 1):
        start = max(begin, target - window)
        found = os.pread(descriptor, target - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
    return None
