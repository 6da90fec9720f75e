"""A zip file whose bytes follow from its members alone: sorted by name, stored as they are, one fixed time,
no extra fields, no comments.

So a verifier writes it once more and compares; nothing can hide between the members. Deflated members would
have bytes that depend on the version of a library.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Final

from tieout.kernel.errors import Refusal

MEMBERS_MAX: Final = 65_535
ARCHIVE_BYTES_MAX: Final = 2**32 - 1
"""Beyond either a zip file needs other records (zip64), which some tools do not read."""
LOCAL: Final = struct.Struct("<4s5H3I2H")
CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")
NEEDED: Final = 20
MADE_BY: Final = 3 << 8 | NEEDED
"""Made on Unix, so that the mode below counts."""
MODE: Final = 0o100644 << 16
DAY: Final = 1 << 5 | 1
"""1980-01-01, the first day that a zip file can say; the time is midnight."""


class PackTooLarge(Refusal):
    """A pack is one zip file of the common kind."""

    code = "pack-too-large"

    def __init__(self, what: str) -> None:
        super().__init__(f"The pack would have {what}; build one for a single line.")


def archive(members: Mapping[str, bytes]) -> bytes:
    """Names are plain ASCII paths. Raises `PackTooLarge`."""
    if len(members) > MEMBERS_MAX:
        raise PackTooLarge(f"{len(members):,} files, and at most {MEMBERS_MAX:,} fit")
    parts: list[bytes] = []
    directory: list[bytes] = []
    place = 0
    for name in sorted(members):
        content, path = members[name], name.encode("ascii")
        told = (zlib.crc32(content), len(content), len(content))
        if place + len(content) > ARCHIVE_BYTES_MAX:
            raise PackTooLarge(f"more than {ARCHIVE_BYTES_MAX:,} bytes")
        parts += (LOCAL.pack(b"PK\x03\x04", NEEDED, 0, 0, 0, DAY, *told, len(path), 0), path, content)
        head = (b"PK\x01\x02", MADE_BY, NEEDED, 0, 0, 0, DAY, *told, len(path), 0, 0, 0, 0, MODE, place)
        directory += (CENTRAL.pack(*head), path)
        place += LOCAL.size + len(path) + len(content)
    listed = b"".join(directory)
    if place + len(listed) > ARCHIVE_BYTES_MAX:
        raise PackTooLarge(f"more than {ARCHIVE_BYTES_MAX:,} bytes")
    end = END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(listed), place, 0)
    return b"".join([*parts, listed, end])
