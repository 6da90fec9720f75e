"""Where one item ends and the next begins in a file that is read piece by piece and never held whole.

Every byte belongs to an item or to the white space between items, so that whatever was sent is counted. Items
longer than ITEM_BYTES_MAX are cut one byte beyond it: too large either way, and memory stays bounded.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tieout.ingest.reason import Reason
from tieout.ingest.rejection import UNKNOWN_SOURCE, Rejected
from tieout.kernel.errors import Refusal
from tieout.kernel.limits import ITEM_BYTES_MAX

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"
CUT = ITEM_BYTES_MAX + 1
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = zlib.MAX_WBITS | 16  # reads gzip's own header and checksum
PIECE_BYTES = 1_048_576
STRUCTURE = re.compile(rb'["\\\[\]{},]')


@dataclass(frozen=True, slots=True)
class Item:
    """`number` counts from 1: the line of the file, or the place in its array. `raw` has no line ending.

    `reason` is NONE unless the file itself shows that the item cannot be whole.
    """

    number: int
    raw: bytes
    reason: Reason = Reason.NONE
    detail: str = ""

    def rejected(self, source: str = UNKNOWN_SOURCE) -> Rejected:
        """The rejection of an item that the framing found not to be whole."""
        return Rejected(self.reason, None, self.detail, source, None)


class NotAnArray(Refusal):
    """A file that is to hold a JSON array holds something else."""

    code = "not-an-array"

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file}, line 1: not a JSON array. For one object a line, say that the format is ndjson."


class MalformedGzip(Refusal):
    """A file that starts like gzip cannot be unpacked to its end."""

    code = "malformed-gzip"

    def __init__(self, file: str, why: str) -> None:
        super().__init__(file, why)
        self.file = file
        self.why = why

    def __str__(self) -> str:
        return f"{self.file}: the gzip data cannot be unpacked: {self.why}."


def lines(pieces: Iterable[bytes]) -> Iterator[Item]:
    """Each line that is not blank; LF or CRLF, the last with or without."""
    for number, line in enumerate(physical_lines(pieces), start=1):
        if line.strip(BLANK):
            yield Item(number, line.removesuffix(b"\r"))


def ended_lines(pieces: Iterable[bytes]) -> Iterator[Item]:
    """Each line of a log whose writer ends every line: a last one without its end is cut, even if what there
    is of it can be read, as `200 203` of `200 20310` can.
    """
    ending = b"\n"

    def watched() -> Iterator[bytes]:
        nonlocal ending
        for piece in pieces:
            ending = piece[-1:] or ending
            yield piece

    held: Item | None = None
    for item in lines(watched()):
        if held is not None:
            yield held
        held = item
    if held is not None:
        yield (
            held if ending == b"\n" else Item(held.number, held.raw, Reason.TRUNCATED, "the line has no end")
        )


def physical_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each line as it is, without its LF, cut to CUT bytes."""
    pending = b""
    for piece in without_mark(pieces):
        *whole, pending = (pending + piece).split(b"\n")
        for line in whole:
            yield line[:CUT]
        pending = pending[:CUT]
    if pending:
        yield pending


def array_items(pieces: Iterable[bytes], *, file: str) -> Iterator[Item]:
    """Each member of one JSON array. Raises `NotAnArray` before the first.

    What is left of an array that ends early is a truncated item, even if nothing is left; what follows the
    array is an item that is not JSON.
    """
    scan = ArrayScan()
    number = 0
    is_started = False
    for piece in without_mark(pieces):
        rest = piece if is_started else piece.lstrip(BLANK)
        if not rest:
            continue
        if not is_started and not rest.startswith(b"["):
            raise NotAnArray(file)
        is_started = True
        for raw in scan.feed(rest):
            number += 1
            yield Item(number, raw)
    if scan.is_open:
        yield Item(number + 1, scan.left(), Reason.TRUNCATED, "the array ends early")
    elif scan.left():
        yield Item(number + 1, scan.left(), Reason.NOT_JSON, "follows the end of the array")


class ArrayScan:
    """Finds the commas and the closing bracket of one array, piece by piece. It counts brackets and skips
    strings; whether an item is JSON is for the decoder to say."""

    def __init__(self) -> None:
        self._item = bytearray()
        self._depth = 0
        self._count = 0
        self._in_string = False
        self._escape_at = -1  # offset in the next piece of a byte that a backslash escapes
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        return self._depth > 0

    def left(self) -> bytes:
        return bytes(self._item).strip(BLANK)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The items that end in `piece`."""
        start = 0
        for match in STRUCTURE.finditer(piece):
            at = match.start()
            if self._is_closed:
                break
            if self._in_string or piece[at] == ord('"'):
                self._string_byte(piece, at)
            elif piece[at] in b"[{":
                self._depth += 1
                if self._depth == 1:
                    start = at + 1
            elif piece[at] in b"]}":
                self._depth -= 1
                if self._depth == 0:
                    self._keep(piece[start:at])
                    start = at + 1
                    self._is_closed = True
                    if self._count or self.left():
                        yield self._take()
            elif self._depth == 1:
                self._keep(piece[start:at])
                start = at + 1
                yield self._take()
        self._keep(piece[start:])
        self._escape_at -= len(piece)

    def _string_byte(self, piece: bytes, at: int) -> None:
        if at == self._escape_at:
            return
        if piece[at] == ord("\\"):
            self._escape_at = at + 1
        elif piece[at] == ord('"'):
            self._in_string = not self._in_string

    def _keep(self, part: bytes) -> None:
        self._item += part[: CUT - len(self._item)]

    def _take(self) -> bytes:
        self._count += 1
        raw = self.left()
        self._item.clear()
        return raw


def without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces without a UTF-8 byte order mark at the start of the file."""
    head = b""
    is_started = False
    for piece in pieces:
        if is_started:
            yield piece
            continue
        head += piece
        if len(head) >= len(BYTE_ORDER_MARK):
            is_started = True
            yield head.removeprefix(BYTE_ORDER_MARK)
    if not is_started:
        yield head.removeprefix(BYTE_ORDER_MARK)


def unpacked(pieces: Iterable[bytes], *, file: str) -> Iterator[bytes]:
    """The pieces, unpacked if the file starts with gzip's magic; never more than PIECE_BYTES at once.

    Raises `MalformedGzip` where the data is damaged or ends early, after what came before it.
    """
    source = iter(pieces)
    head = b""
    for piece in source:
        head += piece
        if len(head) >= len(GZIP_MAGIC):
            break
    if not head.startswith(GZIP_MAGIC):
        yield head
        yield from source
        return
    yield from gunzipped(head, source, file=file)


def gunzipped(head: bytes, rest: Iterator[bytes], *, file: str) -> Iterator[bytes]:
    """All members of a gzip file, one after the other (RFC 1952)."""
    member = zlib.decompressobj(GZIP_WINDOW)
    packed = head
    while True:
        try:
            piece = member.decompress(packed, PIECE_BYTES)
        except zlib.error as error:
            raise MalformedGzip(file, str(error)) from None
        if piece:
            yield piece
        if member.eof:
            packed = unpadded(member.unused_data) or next(filter(None, map(unpadded, rest)), b"")
            if not packed:
                return
            member = zlib.decompressobj(GZIP_WINDOW)
        else:
            packed = member.unconsumed_tail or next(filter(None, rest), b"")
            if not packed and not piece:
                raise MalformedGzip(file, "they end early")


def unpadded(packed: bytes) -> bytes:
    """Zeros may fill the space behind a member, as on tapes."""
    return packed.lstrip(b"\0")
