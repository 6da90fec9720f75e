"""Reads a pack's zip file, and writes it once more by the rules of format 1: both must be the same bytes.

Rules: members sorted by name, none twice, stored, of 1980-01-01 00:00, Unix regular files of mode 0644; no
extra fields, comments or flags; nothing before, between or behind them.
"""

from __future__ import annotations

from binascii import crc32
from collections import Counter

from tieout.evidence.verify.report import Report

ZIP = "(the zip file)"
END_BYTES = 22
CENTRAL_BYTES = 46
LOCAL_BYTES = 30
SAME_IN_BOTH = bytes.fromhex("1400 0000 0000 0000 2100")
"""Needs version 2.0; no flags; stored; midnight; 1980-01-01."""
OWN_OF_DIRECTORY = bytes.fromhex("0000 0000 0000 0000 0000 a481")
"""No extra field, no comment, first disk, no internal attributes; a regular file of mode 0644."""


def read_archive(content: bytes, report: Report) -> dict[str, bytes]:
    """The members by name; what is found is added to the report. Empty where it is no zip file at all."""
    members, order = _listed(content, report)
    again = _written(members)
    if again != content:
        place = next(
            (n for n, (one, other) in enumerate(zip(again, content, strict=False)) if one != other),
            min(len(again), len(content)),
        )
        report.add(
            ZIP,
            f"bytes from {place:,} on",
            f"{len(again):,} bytes that follow from its members alone",
            f"{len(content):,} other bytes",
        )
    twice = sorted(name for name, times in Counter(order).items() if times > 1)
    if twice:
        report.add(ZIP, "names", "each member once", f"twice: {', '.join(twice)}")
    elif order != sorted(order):
        report.add(ZIP, "order", "sorted by name", "another order")
    return members


def _listed(content: bytes, report: Report) -> tuple[dict[str, bytes], list[str]]:
    members: dict[str, bytes] = {}
    order: list[str] = []
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or end + END_BYTES > len(content):
        report.add(ZIP, "end", "an end of a zip file", "none")
        return members, order
    count = _number(content, end + 10, 2)
    place = _number(content, end + 16, 4)
    left = len(content)
    for _ in range(count):
        if content[place : place + 4] != b"PK\x01\x02":
            report.add(ZIP, "directory", f"{count:,} members", f"{len(order):,} that can be read")
            break
        size, length = _number(content, place + 20, 4), _number(content, place + 28, 2)
        beside = _number(content, place + 30, 2) + _number(content, place + 32, 2)
        start = _number(content, place + 42, 4)
        left -= size + length
        if left < 0:
            report.add(ZIP, "directory", f"members that lie apart, {count:,}", "some that lie over others")
            break
        path = content[place + CENTRAL_BYTES : place + CENTRAL_BYTES + length]
        name = path.decode("ascii", errors="backslashreplace")
        skipped = LOCAL_BYTES + _number(content, start + 26, 2) + _number(content, start + 28, 2)
        members[name] = content[start + skipped : start + skipped + size]
        order.append(name)
        place += CENTRAL_BYTES + length + beside
    return members, order


def _written(members: dict[str, bytes]) -> bytes:
    files = bytearray()
    directory = bytearray()
    for name in sorted(members):
        body, path = members[name], name.encode()
        size = len(body).to_bytes(4, "little")
        head = (
            SAME_IN_BOTH + crc32(body).to_bytes(4, "little") + size + size + len(path).to_bytes(2, "little")
        )
        place = len(files).to_bytes(4, "little")
        directory += b"PK\x01\x02\x14\x03" + head + OWN_OF_DIRECTORY + place + path
        files += b"PK\x03\x04" + head + b"\x00\x00" + path + body
    count = (len(members) & 0xFFFF).to_bytes(2, "little")
    sizes = len(directory).to_bytes(4, "little") + len(files).to_bytes(4, "little")
    return bytes(files + directory + b"PK\x05\x06\x00\x00\x00\x00" + count + count + sizes + b"\x00\x00")


def _number(content: bytes, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "little")
