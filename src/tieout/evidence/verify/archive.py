"""Reads a pack's zip file, and writes it once more by the rules of format 1: both must be the same bytes.

Rules: members sorted by name, none twice, stored, of 1980-01-01 00:00, Unix regular files of mode 0644; no
extra fields, comments or flags; nothing before, between or behind them. Names are plain paths that stay in
the folder where a pack is unpacked.
"""

from __future__ import annotations

import re
from binascii import crc32
from collections import Counter

from tieout.evidence.verify.report import Report

ZIP = "(the zip file)"
END_BYTES = 22
CENTRAL_BYTES = 46
LOCAL_BYTES = 30
SAME_IN_BOTH = bytes.fromhex("1400 0000 0000 0000 2100")
"""Needs version 2.0; no flags; stored; midnight; 1980-01-01."""
PLAIN_PATH = re.compile(r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)*")
OWN_OF_DIRECTORY = bytes.fromhex("0000 0000 0000 0000 0000 a481")
"""No extra field, no comment, first disk, no internal attributes; a regular file of mode 0644."""


def read_archive(content: bytes, report: Report) -> dict[str, bytes]:
    """The members by name; what is found is added to the report. Empty where it is no zip file at all."""
    members, order = _listed(content, report)
    again = _written(members)
    if again != content:
        report.add(
            ZIP,
            f"bytes from {_same_until(again, content):,} on",
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
    room = len(content)
    for _ in range(count):
        if content[place : place + 4] != b"PK\x01\x02":
            report.add(ZIP, "directory", f"{count:,} members", f"{len(order):,} that can be read")
            break
        size, length = _number(content, place + 20, 4), _number(content, place + 28, 2)
        beside = _number(content, place + 30, 2) + _number(content, place + 32, 2)
        start = _number(content, place + 42, 4)
        path = content[place + CENTRAL_BYTES : place + CENTRAL_BYTES + length]
        name = path.decode("ascii", errors="backslashreplace")
        skipped = LOCAL_BYTES + _number(content, start + 26, 2) + _number(content, start + 28, 2)
        body = content[start + skipped : start + skipped + size]
        room -= len(body)
        if room < 0:
            report.add(ZIP, "members", "bytes of their own", "some that are given out several times")
            break
        _check_member(name, body, said=_number(content, place + 16, 4), report=report)
        if PLAIN_PATH.fullmatch(name):
            members[name] = body
            order.append(name)
        place += CENTRAL_BYTES + length + beside
    return members, order


def _check_member(name: str, body: bytes, *, said: int, report: Report) -> None:
    """Its name is one to unpack, and the zip file's own checksum is of it."""
    if not PLAIN_PATH.fullmatch(name):
        report.add(ZIP, "names", "plain paths inside the pack", name)
    if crc32(body) != said:
        report.add(name, "CRC-32 in the zip file", f"{said:08x}", f"{crc32(body):08x}")


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


def _same_until(one: bytes, other: bytes) -> int:
    """The first place where they differ, or where the shorter ends. Halved: packs can have gigabytes."""
    same, different = 0, min(len(one), len(other))
    ours, theirs = memoryview(one), memoryview(other)
    while same < different:
        middle = (same + different) // 2 + 1
        if ours[same:middle] == theirs[same:middle]:
            same = middle
        else:
            different = middle - 1
    return same


def _number(content: bytes, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "little")
