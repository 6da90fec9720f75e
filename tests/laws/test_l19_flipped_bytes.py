"""L19: a byte of a pack that is changed is found, wherever it is and whatever it becomes: in the records of
the zip file as in its members, and in a member around which somebody wrote the zip file anew.

The quick run changes every byte of the pack of one line; the long one every byte of every pack here, too. The
verifier is asked whole, but that a signature which was checked before is not computed again; where only its
reader of zip files is asked, in three ways a byte, what it finds is what the verifier reports first.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from tests.evidence_packs import PackedHome, packed_home
from tests.faults.harness.effort import is_long, some
from tests.tidy.tree import ROOT
from tieout.evidence.pack.archive import archive
from tieout.evidence.pack.manifest import SIGNATURE
from tieout.evidence.verify import beside, minisign
from tieout.evidence.verify.archive import read_archive
from tieout.evidence.verify.report import Break, Report
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.wiring import open_home

MASKS = (0x01, 0x80, 0xFF)
GOLDEN = sorted((ROOT / "tests" / "golden").glob("pack_v*.zip"))
"""Packs of each earlier format, as that version built them."""
ONE_LINE, WHOLE = "one line", "whole invoice"
NAMES = [ONE_LINE, WHOLE, *(each.stem for each in GOLDEN)]
Flip = tuple[int, int]
"""The place, and what is changed of the byte there."""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19-flips"), per_customer=1)


@pytest.fixture(scope="module")
def packs(packed: PackedHome) -> dict[str, tuple[bytes, bytes]]:
    """Pack and public key by name."""
    line = next(name for name in packed.members if name.startswith("lines/") and name.endswith("-001.json"))
    with open_home(packed.folder) as home:
        of_one = build_pack(home, Path(line).stem).content
    golden = {each.stem: (each.read_bytes(), each.with_suffix(".pub").read_bytes()) for each in GOLDEN}
    return {ONE_LINE: (of_one, packed.key_file), WHOLE: (packed.content, packed.key_file), **golden}


@pytest.fixture
def remembered_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a key signed a message does not change; nearly all checks of a run are of the same few."""
    remembered = lru_cache(maxsize=1_000)(minisign.is_signed)
    for module in (minisign, beside):
        monkeypatch.setattr(module, "is_signed", remembered)


def all_flips(content: bytes) -> list[Flip]:
    return [(place, mask) for place in range(len(content)) for mask in MASKS]


def a_flip_of_each(content: bytes) -> list[Flip]:
    return [(place, MASKS[place % len(MASKS)]) for place in range(len(content))]


def flipped(content: bytes, flip: Flip) -> bytes:
    changed = bytearray(content)
    changed[flip[0]] ^= flip[1]
    return bytes(changed)


def breaks_of_the_zip_file(content: bytes) -> list[Break]:
    report = Report()
    read_archive(content, report)
    return report.breaks


def test_a_pack_of_each_format_is_tried(packs: dict[str, tuple[bytes, bytes]]) -> None:
    assert list(packs) == NAMES and GOLDEN
    for name, (content, key) in packs.items():
        assert verify_pack(content, key).breaks == [], name
        assert breaks_of_the_zip_file(content) == [], name


@pytest.mark.usefixtures("remembered_signatures")
@pytest.mark.parametrize("name", NAMES)
def test_the_verifier_finds_every_changed_byte(name: str, packs: dict[str, tuple[bytes, bytes]]) -> None:
    content, key = packs[name]
    each_way = is_long() and name == ONE_LINE
    flips = all_flips(content) if each_way else a_flip_of_each(content)
    flips = flips if name == ONE_LINE else some(flips, 250)
    assert [each for each in flips if not verify_pack(flipped(content, each), key).breaks] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_reader_of_zip_files_alone_finds_every_changed_byte(
    name: str, packs: dict[str, tuple[bytes, bytes]]
) -> None:
    content, _ = packs[name]
    flips = some(all_flips(content), 4_000)
    assert [each for each in flips if not breaks_of_the_zip_file(flipped(content, each))] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_that_ends_early_is_found_at_every_length(
    name: str, packs: dict[str, tuple[bytes, bytes]]
) -> None:
    content, key = packs[name]
    lengths = range(len(content))
    tried = lengths if name == ONE_LINE else some(lengths, 4_000)
    assert [each for each in tried if not breaks_of_the_zip_file(content[:each])] == []
    for each in some(lengths, 40):
        assert verify_pack(content[:each], key).breaks, each


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_more_is_found_before_and_behind(name: str, packs: dict[str, tuple[bytes, bytes]]) -> None:
    content, key = packs[name]
    for value in range(256):
        more = bytes([value])
        assert breaks_of_the_zip_file(content + more) and breaks_of_the_zip_file(more + content), value
    for other in (content + b"\0", b"\0" + content, content[1:], content * 2, b"", b"\0" * 22, b"PK\5\6"):
        assert verify_pack(other, key).breaks, len(other)


def rewritten(members: dict[str, bytes], *, member: str, flip: Flip) -> bytes:
    """The zip file that somebody writes who knows how packs are written, and has no key."""
    return archive({**members, member: flipped(members[member], flip)})


def changed_members(members: dict[str, bytes]) -> Iterator[tuple[str, Flip]]:
    """Every byte in the long run; else every one of the signature, and some of each other member."""
    for member, content in members.items():
        quick = len(content) if member == SIGNATURE else 6
        yield from ((member, flip) for flip in some(a_flip_of_each(content), quick))


@pytest.mark.usefixtures("remembered_signatures")
@pytest.mark.parametrize("name", NAMES)
def test_a_member_changed_in_a_zip_file_written_anew_is_named(
    name: str, packs: dict[str, tuple[bytes, bytes]]
) -> None:
    """The zip file itself is as it should be; digests and the signature tell."""
    content, key = packs[name]
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        members = {each: read.read(each) for each in read.namelist()}
    unseen = []
    for member, flip in changed_members(members):
        other = rewritten(members, member=member, flip=flip)
        files = {each.file for each in verify_pack(other, key).breaks}
        assert "(the zip file)" not in files
        if not files & ({member, SIGNATURE} if member == "manifest.json" else {member}):
            unseen.append((member, flip))
    assert unseen == []
