"""L19: events that are not in the log, roots and heads that do not agree, and a head that somebody kept;
packs of the first format, which say nothing of the log, check for ever.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from tests.evidence_packs import INVOICE, PackedHome, canonical, packed_home
from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tests.tidy.tree import ROOT
from tieout.evidence.pack.manifest import MANIFEST
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.pack.proofs import HEADS, ROOTS
from tieout.evidence.verify.events_file import events_of
from tieout.evidence.verify.log import KEPT
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.head_copy import head_copy
from tieout.flows.keep_head import keep_head, make_key
from tieout.flows.verify_roots import NoRootsThere, verify_roots
from tieout.kernel.canonical import canonical_event
from tieout.wiring import open_home

GOLDEN = ROOT / "tests" / "golden"
"""`pack_vN`: a pack of format N as that version built it, and the key that signed it."""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19-proofs"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda lines: [*lines[:1], lines[1].replace(b',0,8,"', b',0,8,"0', 1), *lines[2:]], "line 2"),
        (lambda lines: [*lines[:2], lines[2].replace(b",8,12,", b",8,11,")], "proof of api.call/v1/1-1"),
        (lambda lines: [lines[0], lines[2], lines[1]], "proof of api.call/v1/1-1"),
        (lambda lines: lines[:2], "proof of api.call/v1/1-1"),
        (lambda lines: lines[:1], "event b1.r8"),
        (lambda lines: [*lines, lines[2].replace(b"v1/1-1", b"v1/1-2")], "piece api.call/v1/1-2"),
        (lambda lines: [*lines[:2], lines[2][:-1]], "form"),
    ],
)
def test_a_proof_that_the_signer_changed_is_named(
    packed: PackedHome, change: Callable[[list[bytes]], list[bytes]], what: str
) -> None:
    file = f"usage/{_id(packed)}-s0002/proof.csv"
    lines = packed.members[file].splitlines(keepends=True)
    members = {**packed.members, file: b"".join(change(lines))}
    breaks = packed.verify(packed.signed_again(members)).breaks
    assert (file, what) in {(each.file, each.what) for each in breaks}


def test_pieces_that_hold_the_same_batches_are_named(packed: PackedHome) -> None:
    """An event would be proven by whichever suits."""
    file = f"usage/{_id(packed)}-s0002/proof.csv"
    roots = json.loads(packed.members[ROOTS])
    other = {**roots["pieces"][0], "first_batch": 1, "last_batch": 2, "piece": "api.call/v1/1-2"}
    roots |= {"pieces": [*roots["pieces"], other]}
    proof = packed.members[file]
    proof += b"".join(proof.splitlines(keepends=True)[1:]).replace(b"v1/1-1", b"v1/1-2")
    content = packed.signed_again({**packed.members, ROOTS: canonical(roots), file: proof})
    breaks = {(each.file, each.what, each.found) for each in packed.verify(content).breaks}
    assert (file, "piece api.call/v1/1-2", "one that overlaps it") in breaks


def test_events_that_were_never_in_the_log_are_found_though_all_else_fits(packed: PackedHome) -> None:
    """The signer bills 100 tokens more, with digests, counts, sums and papers that agree: only the log does
    not."""
    folder = f"usage/{_id(packed)}-s0002"
    events = events_of(packed.members[f"{folder}/events.csv"])
    first = events[0]
    fields = {name: ("n" if name != "environment" else "s") + text for name, text in first.fields.items()}
    fields["tokens"] = "n" + str(int(first.fields["tokens"]) + 100)
    canonical = canonical_event(first.type, first.subject, first.time, fields, first.extras)
    digest = sha256(first.identity_key + canonical).hexdigest()
    old = packed.members[f"{folder}/events.csv"]
    new = old.replace(first.content_digest.hex().encode(), digest.encode()).replace(
        f'"{first.fields["tokens"]}"'.encode(), f'"{int(first.fields["tokens"]) + 100}"'.encode(), 1
    )
    members = {**packed.members, f"{folder}/events.csv": new}
    breaks = packed.verify(packed.signed_again(members)).breaks
    assert (f"{folder}/proof.csv", "root of api.call/v1/1-1") in {(each.file, each.what) for each in breaks}
    assert not any("content of event" in each.what and each.file == f"{folder}/events.csv" for each in breaks)


def test_events_are_proven_whatever_order_and_batches_they_came_in(tmp_path: Path) -> None:
    """From a segment and loose batches beside it, and once all is in segments; by a meter that leaves some
    of the neighbours out."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        key = public_key_text(make_key(home)).encode()
        for part in range(3):
            ingest(home, [told for number in range(part, 60, 3) for told in _scattered(number)])
            if part == 0:
                home.log.compact(rows_min=1)
        close(home, as_of=FEBRUARY_3)
        for _ in range(2):
            content = build_pack(home, INVOICE).content
            report = verify_pack(content, key)
            assert report.breaks == []
            assert any("45 events are leaves under 2 roots" in each for each in report.checked)
            assert verify_roots(home, content).findings == ()
            home.log.compact(rows_min=1)


def _scattered(number: int) -> list[dict[str, object]]:
    """The later the number the earlier its time; every fourth is none of production."""
    told: list[dict[str, object]] = []
    for customer in ("cedar", "acme"):
        time = f"2026-01-{28 - number // 3:02}T{number % 3:02}:00:00Z"
        more = {"environment": "test"} if number % 4 == 0 else {}
        told.append(call(number * 2 + (customer == "acme"), customer, time, **more))
    return told


def kept(packed: PackedHome, number: int) -> tuple[bytes, bytes]:
    with open_home(packed.folder) as home:
        copy = head_copy(home, number)
    return copy.statement, copy.signature


def test_a_pack_stands_by_a_head_that_somebody_kept(packed: PackedHome) -> None:
    """What it tells of the events: nothing where it was stated before their roots."""
    for number in (1, 2, 3):
        report = verify_pack(packed.content, packed.key_file, kept(packed, number))
        assert report.breaks == []
        assert any(f"The kept head, number {number}" in each for each in report.checked)
        knows = any(f"Whoever kept head {number} knows" in each for each in report.checked)
        silent = any("only a kept head of number 3 or later" in each for each in report.not_derived)
        assert (knows, silent) == (number == 3, number < 3)


def test_a_pack_of_a_log_that_was_written_anew_does_not(packed: PackedHome) -> None:
    """Heads, roots and signatures of the pack agree; the head that somebody kept does not."""
    heads = json.loads(packed.members[HEADS])
    heads[0]["digest"] = heads[1]["digest"] = "0" * 64
    heads[2]["digest"] = "0" * 64
    for before, head in pairwise(heads):
        head["previous"] = sha256(canonical(before)).hexdigest()
    content = packed.signed_again({**packed.members, HEADS: canonical(heads)})
    assert packed.verify(content).breaks == []
    for number, what in ((1, "digest of batch 1, head 1"), *((n, f"statement of head {n}") for n in (2, 3))):
        breaks = verify_pack(content, packed.key_file, kept(packed, number)).breaks
        assert (KEPT, what) in {(each.file, each.what) for each in breaks}


def test_a_piece_in_batches_of_an_earlier_head_is_named(packed: PackedHome) -> None:
    """The signer states two roots over the same batches, to show whichever suits."""
    heads = json.loads(packed.members[HEADS])
    roots = {name: heads[2][name] for name in ("folio", "folio_digest", "pieces", "upto")}
    heads[1] |= {"format": heads[2]["format"], "root": "0" * 64, **roots}
    heads[2]["previous"] = sha256(canonical(heads[1])).hexdigest()
    breaks = packed.verify(packed.signed_again({**packed.members, HEADS: canonical(heads)})).breaks
    assert [(each.file, each.what) for each in breaks] == [(ROOTS, "piece api.call/v1/1-1")]


def test_who_has_the_log_computes_the_roots_again(packed: PackedHome, tmp_path: Path) -> None:
    """Also once its events were compacted; a piece that is not of this log is named."""
    folder = shutil.copytree(packed.folder, tmp_path / "home")
    with open_home(folder) as home:
        for _ in range(2):
            found = verify_roots(home, packed.content)
            assert (found.pieces, found.rows, found.findings) == (1, 12, ())
            home.log.compact(rows_min=1)
        lies = {"root": "0" * 64, "rows": 13, "last_batch": 2, "type": "other"}
        for name, value in lies.items():
            roots = json.loads(packed.members[ROOTS])
            roots["pieces"][0][name] = value
            content = packed.signed_again({**packed.members, ROOTS: canonical(roots)})
            told = [each.what for each in verify_roots(home, content).findings]
            assert ("piece" in told) == (name != "last_batch"), name  # there is no later batch to differ
        heads = json.loads(packed.members[HEADS])
        heads[-1]["digest"] = "0" * 64
        content = packed.signed_again({**packed.members, HEADS: canonical(heads)})
        assert [each.what for each in verify_roots(home, content).findings] == ["chain"]
        for other in (b"", b"PK", (GOLDEN / "pack_v1.zip").read_bytes()):
            with pytest.raises(NoRootsThere):
                verify_roots(home, other)


def test_a_kept_head_that_says_nothing_about_a_pack_is_told(packed: PackedHome) -> None:
    statement, signature = kept(packed, 2)
    with open_home(packed.folder) as home:
        run = home.books.closes.start(as_of=FEBRUARY_3, cutoff=home.log.head(), cutoff_at=FEBRUARY_3)
        keep_head(home, run)
    report = verify_pack(packed.content, packed.key_file, kept(packed, 4))
    assert report.breaks == [] and any(
        "is later than the last head of the pack, 3" in e for e in report.not_derived
    )
    for copy in ((b"{}", signature), (statement, b""), (statement.replace(b"home_", b"Home_"), signature)):
        assert {
            each.file.removesuffix(".minisig")
            for each in verify_pack(packed.content, packed.key_file, copy).breaks
        } == {KEPT}


@pytest.mark.parametrize("version", [1, 2])
def test_a_pack_of_an_earlier_format_checks_for_ever(packed: PackedHome, version: int) -> None:
    golden = GOLDEN / f"pack_v{version}"
    content, key = (golden.with_suffix(end).read_bytes() for end in (".zip", ".pub"))
    report = verify_pack(content, key)
    assert report.breaks == []
    assert any(NOT_PROVEN[version] in each for each in report.not_derived)
    breaks = verify_pack(content, key, kept(packed, 1)).breaks
    assert KEPT in {each.file for each in breaks}, "it is another home's, and the first format says nothing"
    for place in range(0, len(content), 1_009):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        assert verify_pack(bytes(flipped), key).breaks


NOT_PROVEN = {
    1: "events are not proven against a signed head of the log",
    2: "a pack of this format states roots itself, under no head",
}


def _id(packed: PackedHome) -> str:
    found: str = json.loads(packed.members[MANIFEST])["invoice"]["id"]
    return found
