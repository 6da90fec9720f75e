"""L19: a zip file that other readers take for the same members, and that is not the one which follows from
them, is found: records of another version, fields and comments beside, gaps, names twice, another order. So
is one that asks a reader for more than it holds. None of them stops the verifier, and every break is listed.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import pytest

from tests.evidence_packs import PackedHome, edited, packed_home
from tieout.evidence.pack.archive import archive
from tieout.evidence.pack.manifest import MANIFEST, SIGNATURE
from tieout.evidence.verify.archive import ZIP
from tieout.evidence.verify.report import BREAKS_PER_FILE_MAX

LOCAL, CENTRAL = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
DESCRIPTOR = 1 << 3
LARGE = 0xFFFFFFFF
TIMESTAMP = bytes.fromhex("5554 0500 01 00000000")
"""An extra field as Info-ZIP writes it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A member and what its two records say of it; as it stands, what a pack's say."""

    name: bytes
    body: bytes
    local_name: bytes | None = None
    needed: int = 20
    made_by: int = 3 << 8 | 20
    flags: int = 0
    method: int = 0
    time: int = 0
    day: int = 0x21
    mode: int = 0o100644
    extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    gap: bytes = b""
    large: bool = False
    """Sizes and place stand in an extra field of zip64."""


@dataclass(frozen=True, slots=True)
class Zip:
    """A zip file as a stranger's program may write it."""

    entries: list[Entry]
    before: bytes = b""
    gap: bytes = b""
    before_end: bytes = b""
    comment: bytes = b""
    disk: int = 0
    behind: bytes = b""
    shift: int = 0
    """What is added to the places, where they are told from the beginning of the file."""

    def written(self) -> bytes:
        files, directory = bytearray(self.before), bytearray()
        for each in self.entries:
            files += each.gap
            place = len(files) - len(self.before) + self.shift
            files += _local(each)
            directory += _central(each, place)
        start = len(files) - len(self.before) + len(self.gap) + self.shift
        count = len(self.entries)
        end = END.pack(
            *(b"PK\x05\x06", self.disk, self.disk, count, count),
            *(len(directory), start, len(self.comment)),
        )
        return bytes(files + self.gap + directory + self.before_end + end + self.comment + self.behind)


def _stored(entry: Entry) -> bytes:
    if entry.method == 0:
        return entry.body
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(entry.body) + packer.flush()


def _told(entry: Entry) -> tuple[int, int, int]:
    return zlib.crc32(entry.body), len(_stored(entry)), len(entry.body)


def _local(entry: Entry) -> bytes:
    name = entry.name if entry.local_name is None else entry.local_name
    streamed = bool(entry.flags & DESCRIPTOR)
    told = (0, 0, 0) if streamed else _told(entry)
    if entry.large:
        told = (told[0], LARGE, LARGE)
    extra = entry.extra + (_large(len(entry.body), len(entry.body)) if entry.large else b"")
    head = (b"PK\x03\x04", entry.needed, entry.flags, entry.method, entry.time, entry.day)
    behind = struct.pack("<4s3I", b"PK\x07\x08", *_told(entry)) if streamed else b""
    return LOCAL.pack(*head, *told, len(name), len(extra)) + name + extra + _stored(entry) + behind


def _central(entry: Entry, place: int) -> bytes:
    told, extra, at = _told(entry), entry.central_extra, place
    if entry.large:
        told, at = (told[0], LARGE, LARGE), LARGE
        extra += _large(len(entry.body), len(entry.body), place)
    head = (entry.made_by, entry.needed, entry.flags, entry.method, entry.time, entry.day)
    lengths = (len(entry.name), len(extra), len(entry.comment), 0, 0)
    packed = CENTRAL.pack(b"PK\x01\x02", *head, *told, *lengths, entry.mode << 16, at)
    return packed + entry.name + extra + entry.comment


def _large(*numbers: int) -> bytes:
    """An extra field of zip64."""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def _zip64_end(honest: Zip) -> bytes:
    """The records of zip64 that may stand before the end of any zip file."""
    content = honest.written()
    *_, count, size, start, _ = END.unpack(content[-END.size :])
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    return record + struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)


def _all(**changes: object) -> Callable[[Zip], Zip]:
    return lambda honest: replace(honest, entries=[replace(each, **changes) for each in honest.entries])  # type: ignore[arg-type]


def _whole(**changes: object) -> Callable[[Zip], Zip]:
    return lambda honest: replace(honest, **changes)  # type: ignore[arg-type]


SAME_TO_OTHERS: Mapping[str, Callable[[Zip], Zip]] = {
    "extra fields beside the members": _all(extra=TIMESTAMP),
    "extra fields in the directory": _all(central_extra=TIMESTAMP),
    "comments of members": _all(comment=b"c"),
    "a comment": _whole(comment=b"paid"),
    "a comment like an end": _whole(comment=END.pack(b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)),
    "deflated members": _all(method=8),
    "sizes behind the members": _all(flags=DESCRIPTOR),
    "names said to be UTF-8": _all(flags=1 << 11),
    "another version needed": _all(needed=10),
    "made on DOS": _all(made_by=20),
    "another day": _all(day=0x22),
    "another time": _all(time=1),
    "programs": _all(mode=0o100755),
    "symbolic links": _all(mode=0o120777),
    "gaps between members": _all(gap=b"gap"),
    "a gap before the directory": _whole(gap=b"gap"),
    "something before": _whole(before=b"#!/bin/sh\n", shift=10),
    "something before, places as they were": _whole(before=b"#!/bin/sh\n"),
    "sizes in zip64": _all(large=True, needed=45),
    "an end in zip64": lambda honest: replace(honest, before_end=_zip64_end(honest)),
    "another order": lambda honest: replace(honest, entries=honest.entries[::-1]),
    "a member twice": lambda honest: replace(honest, entries=[*honest.entries, honest.entries[0]]),
    "a zip file before": lambda honest: replace(honest, before=archive({"a": b"b"})),
}
"""What is done to a pack's zip file that leaves the members as they are to a common reader."""
NOT_THE_SAME: Mapping[str, Callable[[Zip], Zip]] = {
    "other names beside the members": _all(local_name=b"other.json"),
    "encrypted members": _all(flags=1),
    "another disk": _whole(disk=1),
    "something behind": _whole(behind=b"x"),
    "an empty zip file behind": _whole(behind=END.pack(b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)),
    "a folder": lambda honest: replace(honest, entries=[*honest.entries, Entry(b"usage/", b"")]),
    "a path out": lambda honest: replace(honest, entries=[Entry(b"../a", b"x"), *honest.entries]),
    "a path from the root": lambda honest: replace(honest, entries=[Entry(b"/a", b"x"), *honest.entries]),
    "a line feed in a name": lambda honest: replace(honest, entries=[*honest.entries, Entry(b"z\n", b"x")]),
    "no members": _whole(entries=[]),
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19-hostile"), per_customer=1)


def honest_zip(packed: PackedHome) -> Zip:
    return Zip([Entry(name.encode(), body) for name, body in sorted(packed.members.items())])


def test_these_records_are_those_of_a_pack(packed: PackedHome) -> None:
    assert honest_zip(packed).written() == packed.content


@pytest.mark.parametrize("what", SAME_TO_OTHERS)
def test_the_same_members_in_another_zip_file_are_found(what: str, packed: PackedHome) -> None:
    changed = SAME_TO_OTHERS[what](honest_zip(packed)).written()
    with zipfile.ZipFile(io.BytesIO(changed)) as read:
        if what != "a comment like an end":
            assert {name: read.read(name) for name in read.namelist()} == packed.members
    assert ZIP in {each.file for each in packed.verify(changed).breaks}


@pytest.mark.parametrize("what", NOT_THE_SAME)
def test_what_other_readers_may_take_for_a_pack_is_found(what: str, packed: PackedHome) -> None:
    changed = NOT_THE_SAME[what](honest_zip(packed)).written()
    assert packed.verify(changed).breaks


def test_a_path_out_of_the_folder_is_found_though_the_manifest_lists_it(packed: PackedHome) -> None:
    """Whoever holds the key may list what he likes; a stranger unpacks it."""
    for name in (
        "../check.sh",
        "usage/../../a",
        "/etc/a",
        "a/./b",
        "a//b",
        "a/",
        "a b",
        "C:a",
        "a\\b",
        "a\nb",
    ):
        content = packed.signed_again({**packed.members, name: b"x"})
        assert (ZIP, "names") in {(each.file, each.what) for each in packed.verify(content).breaks}, name
    for name in ("..a", "a..", "a/...b", ".a"):
        content = packed.signed_again({**packed.members, name: b"x"})
        assert packed.verify(content).breaks == [], name


def test_members_that_share_their_bytes_do_not_fill_the_memory(packed: PackedHome) -> None:
    """20,000 names of one megabyte: 20 GB, if each were copied."""
    body = bytes(1_000_000)
    one = Zip([Entry(b"a", body)]).written()
    directory = b"".join(_central(Entry(b"a%d" % number, body), 0) for number in range(20_000))
    local = one[: LOCAL.size + 1 + len(body)]
    end = END.pack(b"PK\x05\x06", 0, 0, 20_000, 20_000, len(directory), len(local), 0)
    breaks = packed.verify(local + directory + end).breaks
    assert (ZIP, "members") in {(each.file, each.what) for each in breaks}


@pytest.mark.parametrize("length", [1, 20_000, 65_535])
def test_a_name_of_other_characters_is_a_break_and_no_crash(length: int, packed: PackedHome) -> None:
    content = Zip([Entry(b"\xff" * length, b"x")]).written()
    assert (ZIP, "names") in {(each.file, each.what) for each in packed.verify(content).breaks}


def test_three_members_that_are_changed_at_once_are_all_listed(packed: PackedHome) -> None:
    """Whichever they are; with the zip file as it was, and with one that was written anew around them."""
    names = sorted(packed.members)
    for step in range(1, len(names) // 2):
        three = {names[place % len(names)] for place in (0, step, 2 * step)}
        _all_are_listed(packed, three)
    for place in range(len(names)):
        _all_are_listed(packed, {names[(place + step) % len(names)] for step in (0, 1, 5)})
    for two in combinations(("invoice/document.json", "log/roots.json", SIGNATURE, "documents.json"), 2):
        _all_are_listed(packed, {*two, MANIFEST})


def test_members_that_cannot_be_read_hide_no_others_though_they_are_signed(packed: PackedHome) -> None:
    """All at once, by whoever holds the key: each one's form is told, and told once."""
    members = packed.members
    broken = {name for name in members if name.endswith((".json", "events.csv")) and name != MANIFEST}
    for name in broken:
        members[name] = b"\xff" + members[name]
    breaks = packed.verify(packed.signed_again(members)).breaks
    assert sorted(each.file for each in breaks if each.what == "form") == sorted(broken)


def test_proofs_that_cannot_be_read_hide_no_others_though_they_are_signed(packed: PackedHome) -> None:
    members = packed.members
    proofs = {name for name in members if name.endswith("proof.csv")}
    assert len(proofs) >= 3
    for start in (b"\xff", b"no such column\n"):
        broken = {name: start + members[name] for name in proofs}
        breaks = packed.verify(packed.signed_again({**members, **broken})).breaks
        assert sorted(each.file for each in breaks if each.what == "form") == sorted(proofs)


def _all_are_listed(packed: PackedHome, names: set[str]) -> None:
    """Where the manifest is one of them, the zip file's own checksums tell the others; in one that was
    written anew nothing says what they should be. Of a manifest that still can be read the signature does
    not fit."""
    content, members = bytearray(packed.content), packed.members
    for name in names:
        body = bytearray(members[name])
        middle = len(body) // 2
        content[packed.content.index(name.encode() + body) + len(name) + middle] ^= 0x80
        body[middle] ^= 0x80
        members[name] = bytes(body)
    assert names <= {each.file for each in packed.verify(bytes(content)).breaks}
    told = {each.file for each in packed.verify(archive(members)).breaks}
    assert told & {MANIFEST, SIGNATURE} if MANIFEST in names else names <= told, names


@pytest.mark.parametrize("value", [None, 7, [7], ["x", None], {}, "x"])
@pytest.mark.parametrize("member", ["lines", "not_proven", "members", "invoice", "home", "format"])
def test_a_manifest_of_another_form_is_a_break_and_no_crash(
    member: str, value: object, packed: PackedHome
) -> None:
    manifest = edited(packed.members[MANIFEST], lambda whole: whole.update({member: value}))
    breaks = packed.verify(archive({**packed.members, MANIFEST: manifest})).breaks
    assert {each.file for each in breaks} & {MANIFEST, SIGNATURE}


def test_more_breaks_of_one_file_than_are_shown_hide_no_other_file(packed: PackedHome) -> None:
    entries = [Entry(b"extra/%d " % number, b"x") for number in range(2 * BREAKS_PER_FILE_MAX)]
    content = Zip([*entries, *honest_zip(packed).entries[:-1]]).written()
    breaks = packed.verify(content).breaks
    assert len([each for each in breaks if each.file == ZIP]) == BREAKS_PER_FILE_MAX
    assert sorted(packed.members)[-1] in {each.file for each in breaks}
