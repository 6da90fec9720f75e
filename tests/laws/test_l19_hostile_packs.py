"""L19: a builder who holds the key states heads over whatever he likes, and writes any member in any form:
what a kept head is said to tell is true, and a verifier lists breaks whatever it reads.
"""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests.evidence_packs import PackedHome, canonical, packed_home
from tieout.cli.evidence import app
from tieout.evidence.head import SIGNED_AS, comment_of
from tieout.evidence.pack.archive import archive
from tieout.evidence.pack.manifest import MANIFEST
from tieout.evidence.pack.minisign import signature_text
from tieout.evidence.pack.proofs import HEAD_PROOF, HEADS, ROOTS
from tieout.evidence.verify.events_file import DisclosedEvent, events_of
from tieout.evidence.verify.report import Report
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.verify_roots import NoRootsThere, verify_roots
from tieout.kernel.merkle import leaf_hash, proven_root, root_of
from tieout.wiring import open_home


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19-hostile"))


def signed(packed: PackedHome, statement: bytes) -> tuple[bytes, bytes]:
    """A head as the builder signs it for somebody to keep."""
    text = statement.decode()
    signature = signature_text(
        statement, comment_of(text), about=SIGNED_AS, public_key=packed.key.public_key(), sign=packed.key.sign
    )
    return statement, signature.encode()


def test_a_kept_head_that_is_not_in_the_pack_tells_nothing(packed: PackedHome) -> None:
    """The log was written anew with fewer heads; that the old one covers the new events is not said."""
    heads = json.loads(packed.members[HEADS])
    later = {**heads[-1], "number": len(heads) + 6, "previous": "0" * 64}
    report = verify_pack(packed.content, packed.key_file, signed(packed, canonical(later)))
    assert not any("Whoever kept head" in each for each in report.checked)
    assert any("is later than the last head of the pack" in each for each in report.not_derived)


def restated(
    packed: PackedHome, change: Callable[[list[Any]], None], usage: Callable[[bytes], bytes] = bytes
) -> bytes:
    """A pack whose pieces are others, under a head whose root is over just these, signed by who holds the
    key. `usage`: what becomes of the proofs of events."""
    members = {
        name: usage(content) if name.endswith("/proof.csv") and name != HEAD_PROOF else content
        for name, content in packed.members.items()
    }
    roots, heads = json.loads(members[ROOTS]), json.loads(members[HEADS])
    change(roots["pieces"])
    leaves = [
        leaf_hash(f"{each['piece']} {each['rows']} {each['root']}".encode(errors="replace"))
        for each in roots["pieces"]
    ]
    heads[-1] |= {"pieces": len(leaves), "root": root_of(leaves).hex()}
    lines = [f"{heads[-1]['number']},{place},{place + 1},\n" for place in range(len(leaves))]
    members[HEAD_PROOF] = "".join(["head,start,end,hash\n", *lines]).encode()
    text = json.dumps(roots, separators=(",", ":"), sort_keys=True)
    members |= {ROOTS: text.encode(), HEADS: canonical(heads)}
    return packed.signed_again(members)


def put(**said: object) -> Callable[[list[Any]], None]:
    """The one piece says something else; its name follows where it can."""

    def change(pieces: list[Any]) -> None:
        piece = pieces[0]
        piece |= said
        version, first, last = (piece[name] for name in ("contract_version", "first_batch", "last_batch"))
        piece |= {"piece": f"{piece['type']}/v{version}/{first}-{last}"} | said

    return change


DEEP: list[Any] = []
for _ in range(900):
    DEEP = [DEEP]
FORMS = {
    "as it was": put(),
    "version true": put(contract_version=True),
    "version text": put(contract_version="1"),
    "version null": put(contract_version=None),
    "first true": put(first_batch=True),
    "first text": put(first_batch="1"),
    "first nothing": put(first_batch=0),
    "first negative": put(first_batch=-1),
    "first nan": put(first_batch=float("nan")),
    "last before": put(last_batch=0),
    "last huge": put(last_batch=2**64),
    "last true": put(last_batch=True),
    "rows true": put(rows=True),
    "rows text": put(rows="12"),
    "rows none": put(rows=0),
    "rows negative": put(rows=-(2**70)),
    "rows huge": put(rows=2**62),
    "rows greater still": put(rows=10**4_000),
    "rows nan": put(rows=float("nan")),
    "rows infinite": put(rows=float("inf")),
    "rows broken": put(rows=12.5),
    "rows a list": put(rows=[12]),
    "rows deep": put(rows=DEEP),
    "head true": put(head=True),
    "head text": put(head="3"),
    "head null": put(head=None),
    "head nan": put(head=float("nan")),
    "head none": put(head=0),
    "head negative": put(head=-3),
    "head broken": put(head=3.0),
    "head of no roots": put(head=1),
    "head that is not there": put(head=4),
    "type null": put(type=None),
    "type a list": put(type=["api.call"]),
    "type an object": put(type={}),
    "type with blanks": put(type="api.call/v1/1-1 12 x"),
    "type of no text": put(type="\ud800"),
    "name of no text": put(piece="\ud800"),
    "name another": put(piece="api.call/v1/1-2"),
    "root null": put(root=None),
    "root in capitals": put(root="A" * 64),
    "root short": put(root="0" * 63),
    "root with a line": put(root="0" * 64 + "\n"),
    "no pieces": lambda pieces: pieces.clear(),
    "a piece twice": lambda pieces: pieces.append(dict(pieces[0])),
    "a piece that is none": lambda pieces: pieces.__setitem__(0, {**pieces[0], "piece": [], "more": DEEP}),
}


@pytest.mark.parametrize("form", FORMS)
def test_pieces_in_any_other_form_are_breaks_and_no_crash(packed: PackedHome, form: str) -> None:
    """Also where a head states its root over just that form."""
    name = "api.call/v1/1-1"
    for renamed in (False, True):

        def usage(content: bytes, renamed: bool = renamed) -> bytes:
            pieces = json.loads(packed.members[ROOTS])["pieces"]
            FORMS[form](pieces)
            new = pieces[0]["piece"] if pieces and isinstance(pieces[0]["piece"], str) else name
            return content.replace(name.encode(), new.encode("utf-8", "replace")) if renamed else content

        report = packed.verify(restated(packed, FORMS[form], usage))
        assert (report.breaks == []) == (form == "as it was"), report.breaks
        writable(report)


def writable(report: Report) -> None:
    """Every text of a report can be written out."""
    texts = [text for each in report.breaks for text in (each.file, each.what, each.expected, each.found)]
    "".join([*texts, *report.checked, *report.not_derived]).encode()


def test_what_is_not_proven_may_be_anything(packed: PackedHome) -> None:
    for said in (5, None, {"a": DEEP}, [DEEP], ["x" * 10**6]):
        manifest = json.loads(packed.members[MANIFEST]) | {"not_proven": said}
        text = json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode()
        report = packed.verify(packed.signed_again({**packed.members, MANIFEST: text}))
        writable(report)
        assert len("".join(report.not_derived)) < 10_000


def test_members_that_lie_over_one_another_are_not_copied_each(packed: PackedHome) -> None:
    """A directory of 40,000 members, each of which is the whole file, would take a hundred gigabytes."""
    content = b"\0" * 2_000_000
    entry = bytearray(46 + 5)
    entry[:4] = b"PK\x01\x02"
    entry[20:24] = len(content).to_bytes(4, "little")
    entry[28:30] = (5).to_bytes(2, "little")
    directory = b""
    for number in range(2_000):
        entry[46:] = b"%05d" % number
        directory += entry
    place = len(content).to_bytes(4, "little")
    end = b"PK\x05\x06" + bytes(4) + (2_000).to_bytes(2, "little") * 2 + bytes(4) + place + bytes(2)
    tracemalloc.start()
    report = packed.verify(content + directory + end)
    assert report.breaks and tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_few_lines_of_a_proof_never_stand_for_millions_of_subtrees(packed: PackedHome) -> None:
    """A tree of 2^13,000 leaves has 13,000 subtrees beside each disclosed leaf."""

    def usage(_: bytes) -> bytes:
        return b"piece,start,end,hash\n" + b"".join(
            b'"api.call/v1/1-1",%d,%d,\n' % (n * 2**13_000, n * 2**13_000 + 1) for n in range(20)
        )

    tracemalloc.start()
    assert packed.verify(restated(packed, put(rows=2**13_010), usage)).breaks
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_piece_without_events_of_the_pack_is_a_break(packed: PackedHome) -> None:
    """It would be told of as a root that holds events."""

    def beside(pieces: list[Any]) -> None:
        pieces.append({**pieces[0], "type": "other", "piece": "other/v1/1-1", "root": "7" * 64})

    def usage(content: bytes) -> bytes:
        return content + b'"other/v1/1-1",0,12,"%s"\n' % (b"7" * 64)

    whats = {(each.what, each.found) for each in packed.verify(restated(packed, beside, usage)).breaks}
    assert whats == {("piece other/v1/1-1", "one without any")}


def test_folders_do_not_prove_events_in_pieces_that_hold_the_same_batches(packed: PackedHome) -> None:
    """A head can be stated over two logs, of which each customer, or each line, is shown the one that suits.
    What one pack shows is of one log."""

    def beside(pieces: list[Any]) -> None:
        pieces.append({**pieces[0], "piece": "api.call/v1/1-2", "last_batch": 2})

    def usage(content: bytes) -> bytes:
        shown.append(content)
        return content if len(shown) == 1 else content.replace(b"/v1/1-1", b"/v1/1-2")

    shown: list[bytes] = []
    breaks = packed.verify(restated(packed, beside, usage)).breaks
    told = {(each.file, each.what, each.found) for each in breaks}
    assert (ROOTS, "piece api.call/v1/1-2", "one that overlaps it") in told


def test_one_position_holds_one_event_in_all_folders(packed: PackedHome) -> None:
    """The log that was stated has an event and another one at its position, for another line."""
    folders = sorted({name.rpartition("/")[0] for name in packed.members if name.endswith("/events.csv")})
    hidden = re.findall(rb'"([0-9a-f]{64})"', packed.members[f"{folders[0]}/proof.csv"])
    events = events_of(packed.members[f"{folders[0]}/events.csv"])
    first = min(events, key=lambda event: event.time)
    places = [(event.batch, event.row, event.content_digest[:16]) for event in sorted(events, key=by_time)]
    both = [places[0], (first.batch, first.row, b"?" * 16), *places[1:]]
    leaves = [
        leaf_hash(batch.to_bytes(8, "little") + row.to_bytes(4, "little") + lanes)
        for batch, row, lanes in both
    ]
    start, size = 8, 8 + len(leaves)
    root = proven_root(size, [(start, size)], leaves, [bytes.fromhex(each.decode()) for each in hidden])
    members = dict(packed.members)
    for number, folder in enumerate(folders):
        gone = start + (0 if number == 1 else 1)
        lines = [
            b'0,8,"%s"' % hidden[0],
            b'%d,%d,"%s"' % (gone, gone + 1, leaves[gone - start].hex().encode()),
        ]
        lines += [b"%d,%d," % each for each in ((start, gone), (gone + 1, size)) if each[0] < each[1]]
        proof = b"".join(b'"api.call/v1/1-1",%s\n' % each for each in sorted(lines, key=by_start))
        members[f"{folder}/proof.csv"] = b"piece,start,end,hash\n" + proof
        if number == 1:
            other = first.content_digest[:16].hex().encode(), b"?".hex().encode() * 16
            members[f"{folder}/events.csv"] = members[f"{folder}/events.csv"].replace(*other)
    told = restated(replace(packed, content=archive(members)), put(rows=size, root=root.hex()))
    breaks = [each for each in packed.verify(told).breaks if each.file.endswith("proof.csv")]
    assert {(each.what, each.expected) for each in breaks} == {
        (f"event {first.place}", "the same in all folders")
    }


def by_time(event: DisclosedEvent) -> int:
    return event.time


def by_start(line: bytes) -> int:
    return int(line.split(b",")[0])


@pytest.mark.parametrize("lie", ["none", "a head that is not named by the next", "a name of other batches"])
def test_the_query_of_a_pack_finds_what_a_verifier_does(
    packed: PackedHome, lie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who checks by hand finds the head that he kept, and what it names holds because they follow."""
    members = packed.members
    if lie == "a head that is not named by the next":
        heads = json.loads(members[HEADS])
        members[HEADS] = canonical([heads[0] | {"digest": "0" * 64}, *heads[1:]])
    if lie == "a name of other batches":
        content = restated(packed, put(piece="api.call/v1/1-2"), lambda each: each.replace(b"1-1", b"1-2"))
        members = replace(packed, content=content).members
    for name in (each for each in members if each.startswith("log/")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(members[name])
    monkeypatch.chdir(tmp_path / "log")
    with duckdb.connect() as shell:
        query = members["log/proof.sql"].decode()
        found = [shell.execute(each).fetchall() for each in shell.extract_statements(query)]
    answers = [row[-1] for rows in found for row in rows if type(row[-1]) is not int]
    assert len(answers) == 2 and all(answers) == (lie == "none")


def test_what_a_pack_says_of_itself_does_not_drive_a_terminal(packed: PackedHome, tmp_path: Path) -> None:
    """It could wipe out the lines that say what is not proven."""
    manifest = json.loads(packed.members[MANIFEST]) | {
        "not_proven": ["\x1b[2J\x1b[1A and \u202e\nWhoever kept it"]
    }
    (tmp_path / "pack.zip").write_bytes(
        packed.signed_again({**packed.members, MANIFEST: canonical(manifest)})
    )
    (tmp_path / "key.pub").write_bytes(packed.key_file)
    ran = CliRunner().invoke(app, ["verify", str(tmp_path / "pack.zip"), "--key", str(tmp_path / "key.pub")])
    assert ran.exit_code == 0 and "checks" in ran.stdout
    assert all(char.isprintable() or char == "\n" for char in ran.stdout)
    assert "\nWhoever" not in ran.stdout, "nor say in a line of its own what nobody checked"


@pytest.mark.parametrize("form", FORMS)
def test_who_has_the_log_is_told_of_a_piece_in_any_other_form(packed: PackedHome, form: str) -> None:
    """That it is none, or that it differs: the pack may be a stranger's."""
    with open_home(packed.folder) as home:
        try:
            findings = verify_roots(home, restated(packed, FORMS[form])).findings
        except NoRootsThere:
            return
    assert findings or form in AS_GOOD, "who has the log compares batches, rows and roots, and no head"


AS_GOOD = {*(name for name in FORMS if name.startswith(("head ", "name "))), "as it was", "no pieces"}
AS_GOOD |= {"a piece twice", "a piece that is none"}


def test_who_has_the_log_is_told_of_a_last_head_that_no_log_reaches(packed: PackedHome) -> None:
    for batch in (2**70, -(2**70), 10**4_000, "1", None, float("nan")):
        heads = json.loads(packed.members[HEADS])
        heads[-1]["batch"] = batch
        content = packed.signed_again({**packed.members, HEADS: json.dumps(heads).encode()})
        with open_home(packed.folder) as home:
            try:
                assert verify_roots(home, content).findings or batch == "1"
            except NoRootsThere:
                continue
