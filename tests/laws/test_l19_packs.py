"""L19: an evidence pack is byte-deterministic; any flipped bit, added, missing, renamed or reordered file is
found by the independent verifier, and so is a layer that a dishonest signer changed.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import tieout
from tests.evidence_packs import INVOICE, PackedHome, edited, pack_of, packed_home
from tieout.evidence.pack.archive import archive
from tieout.evidence.pack.manifest import MANIFEST, SIGNATURE
from tieout.evidence.pack.proofs import HEAD_PROOF, HEADS, ROOTS
from tieout.evidence.verify.verify import verify_pack
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.kernel.instant import Instant
from tieout.wiring import open_home


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19"))


def test_an_honest_pack_checks(packed: PackedHome) -> None:
    report = packed.verify(packed.content)
    assert report.breaks == []
    assert len(report.checked) == 13


def test_any_zip_reader_reads_the_same_members(packed: PackedHome) -> None:
    assert archive(packed.members) == packed.content


def test_the_same_evidence_gives_the_same_bytes_in_another_process(packed: PackedHome) -> None:
    """Another hash seed, another number of threads, and after a compaction."""
    program = (
        "import sys; from pathlib import Path; import pyarrow; pyarrow.set_cpu_count(int(sys.argv[3]));"
        "from tieout.wiring import open_home; from tieout.flows.build_pack import build_pack\n"
        "with open_home(Path(sys.argv[1])) as home:\n"
        f"    Path(sys.argv[2]).write_bytes(build_pack(home, {INVOICE!r}).content)\n"
        "    home.log.compact(rows_min=1)\n"
        f"    Path(sys.argv[2] + '2').write_bytes(build_pack(home, {INVOICE!r}).content)\n"
    )
    folder = shutil.copytree(packed.folder, packed.folder.with_name("again"))
    out = packed.folder / "again.zip"
    subprocess.run(
        [sys.executable, "-c", program, str(folder), str(out), "1"],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "1"},
    )
    assert out.read_bytes() == packed.content
    with open_home(packed.folder, clock=SteppedClock(Instant(1_800_000_000_000_000))) as home:
        assert pack_of(home) == packed.content
    assert Path(f"{out}2").read_bytes() == packed.content


def test_members_added_removed_renamed_are_named(packed: PackedHome) -> None:
    members = packed.members
    added = {**members, "extra.txt": b"x"}
    assert _files(packed, archive(added)) == {"extra.txt"}
    removed = {name: content for name, content in members.items() if name != "index.html"}
    assert _files(packed, archive(removed)) == {"index.html"}
    renamed = {name.replace("index.html", "page.html"): content for name, content in members.items()}
    assert _files(packed, archive(renamed)) == {"index.html", "page.html"}


def test_reordered_and_doubled_members_are_found(packed: PackedHome, tmp_path: Path) -> None:
    for name, order in (("reversed", reversed), ("doubled", lambda names: [*names, "index.html"])):
        file = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(file, "w") as written, pytest.warns() if name == "doubled" else nullcontext():
            for each in order(sorted(packed.members)):
                info = zipfile.ZipInfo(each)
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                written.writestr(info, packed.members[each])
        told = {each.what for each in packed.verify(file.read_bytes()).breaks}
        assert ("order" in told) == (name == "reversed") and ("names" in told) == (name == "doubled")


def test_another_key_signs_nothing(packed: PackedHome, tmp_path: Path) -> None:
    generate_key(tmp_path / "a.key", tmp_path / "a.pub")
    report = verify_pack(packed.content, (tmp_path / "a.pub").read_bytes())
    assert {each.file for each in report.breaks} == {SIGNATURE}


Lie = tuple[str, Callable[[Any], None], str, str]
"""The member, what is done to it, and the file and fact that give it away."""


def _in(path: str, value: object) -> Callable[[Any], None]:
    """Sets the member at `a/0/b`."""

    def change(whole: Any) -> None:
        *ways, last = path.split("/")
        for way in ways:
            whole = whole[int(way)] if isinstance(whole, list) else whole[way]
        whole[int(last) if isinstance(whole, list) else last] = value

    return change


TOKENS, USAGE = "lines/{id}-003.json", "usage/{id}-s0002"
DOCUMENT, LEDGER = "invoice/document.json", "invoice/ledger.json"
LIES: dict[str, Lie] = {
    "usage that is nowhere": (TOKENS, _in("usage", "gone"), TOKENS, "usage"),
    "a quantity": (f"{USAGE}/usage.json", _in("quantity", "623"), f"{USAGE}/usage.json", "quantity"),
    "a count": (f"{USAGE}/usage.json", _in("event_count", 5), f"{USAGE}/usage.json", "event count"),
    "a fingerprint": (
        *(f"{USAGE}/usage.json", _in("fingerprint", "4:" + "0" * 16 + ":" + "0" * 16)),
        *(f"{USAGE}/usage.json", "fingerprint"),
    ),
    "a step": (TOKENS, _in("charge/steps/0/amount", "2"), TOKENS, "step 1 (tier-1)"),
    "a rate": (TOKENS, _in("charge/steps/0/rate", "0.003"), TOKENS, "rate of step 1 (tier-1)"),
    "units of a step": (TOKENS, _in("charge/steps/0/quantity", "700"), TOKENS, "units of the steps"),
    "a charge": (TOKENS, _in("charge/amount", "2"), TOKENS, "charge: the steps add up"),
    "a charged quantity": (TOKENS, _in("charge/quantity", "700"), TOKENS, "charged quantity"),
    "a line": (TOKENS, _in("line/amount_minor", 9999), TOKENS, "amount"),
    "a printed line": (DOCUMENT, _in("lines/2/amount", "9.99"), TOKENS, "printed amount"),
    "a total": (DOCUMENT, _in("total", "99.99"), DOCUMENT, "total"),
    "a subtotal": (DOCUMENT, _in("subtotal", "99.99"), DOCUMENT, "subtotal"),
    "what is due": (DOCUMENT, _in("due", "99.99"), DOCUMENT, "due"),
    "a posting": (
        *("invoice/ledger.json", _in("entries/0/postings/0/minor", 1)),
        *("invoice/ledger.json", "entry accrual/{id}: debits less credits in USD"),
    ),
    "a signature": (
        *("policy.json", _in("signatures/0/signature", "00" * 64)),
        *("policy.json", "signature of finance"),
    ),
    "a signer": ("policy.json", _in("signatures/0/person", "Zed"), "policy.json", "signature of finance"),
    "a seal": (
        *("invoice/transitions.json", _in("0/sha256", "0" * 64)),
        *("invoice/transitions.json", "sealed SHA-256"),
    ),
    "a root": (
        *(ROOTS, _in("pieces/0/root", "0" * 64)),
        *(f"{USAGE}/proof.csv", "root of api.call/v1/1-1"),
    ),
    "rows of a piece": (
        *(ROOTS, _in("pieces/0/rows", 13)),
        *(f"{USAGE}/proof.csv", "proof of api.call/v1/1-1"),
    ),
    "a piece of other batches": (
        *(ROOTS, _in("pieces/0/last_batch", 2)),
        *(ROOTS, "piece api.call/v1/1-2"),
    ),
    "a name of a piece": (ROOTS, _in("pieces/0/piece", "api.call/v1/0-1"), ROOTS, "name of a piece"),
    "a root that no head has": (ROOTS, _in("pieces/0/root", "0" * 64), HEAD_PROOF, "root of head 3"),
    "a head without roots": (ROOTS, _in("pieces/0/head", 2), ROOTS, "piece api.call/v1/1-1"),
    "a head that is not there": (ROOTS, _in("pieces/0/head", 9), ROOTS, "piece api.call/v1/1-1"),
    "a root of a head": (HEADS, _in("2/root", "0" * 64), HEAD_PROOF, "root of head 3"),
    "a head of more pieces": (HEADS, _in("2/pieces", 2), HEAD_PROOF, "proof of head 3"),
    "the roots' home": (ROOTS, _in("home", "home_0"), ROOTS, "home"),
    "a head": (HEADS, _in("0/digest", "0" * 64), HEADS, "head 2: follows"),
    "a head's home": (HEADS, _in("1/home", "home_0"), HEADS, "head 2: home"),
    "a head left out": (HEADS, lambda heads: heads.pop(0), HEADS, "head 2: follows"),
    "a head that goes back": (HEADS, _in("1/batch", 0), HEADS, "head 2: batch"),
    "a period": (TOKENS, _in("charge/period/end", "2027-01-31T11:00:00Z"), TOKENS, "printed period"),
    "a unit of a charge": (TOKENS, _in("charge/unit", "word"), TOKENS, "unit of the charge"),
    "a discount": (
        *(TOKENS, _in("discounts", [{"name": "A", "coupon": "a", "coupon_version": 1, "amount": "-1.00"}])),
        *(TOKENS, "shares of discounts"),
    ),
    "a customer of usage": (f"{USAGE}/usage.json", _in("customer", "x"), f"{USAGE}/usage.json", "customer"),
    "a subscription of usage": (
        *(f"{USAGE}/usage.json", _in("subscription", "x"), TOKENS, "subscription of the usage"),
    ),
    "a kind of entry": (LEDGER, _in("entries/1/kind", "payment"), LEDGER, "entry invoice/{id}: kind"),
    "an account of the bill": (
        *(LEDGER, _in("entries/1/postings/0/account", "customer-balance"), LEDGER, "the bill"),
    ),
    "an account of a line": (
        *(LEDGER, _in("entries/0/postings/1/account", "deferred-revenue")),
        *(LEDGER, "line {id}-001: revenue, deferred revenue"),
    ),
    "a name too many": (TOKENS, _in("charge/free", True), TOKENS, "form of /charge/free"),
    "a meter": (
        *(f"{USAGE}/usage.json", _in("meter_digest", "0" * 64)),
        *(f"{USAGE}/usage.json", "meter"),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_layer_that_the_signer_changed_is_named(packed: PackedHome, lie: str) -> None:
    member, change, file, what = (
        each.replace("{id}", _id(packed)) if isinstance(each, str) else each for each in LIES[lie]
    )
    assert isinstance(member, str) and callable(change)
    members = packed.members
    members[member] = edited(members[member], change)
    breaks = packed.verify(packed.signed_again(members)).breaks
    assert (file, what) in {(each.file, each.what) for each in breaks}


def test_an_event_that_the_signer_changed_is_named(packed: PackedHome) -> None:
    file = f"usage/{_id(packed)}-s0002/events.csv"
    for old, new, what in (
        (b'"100"', b'"900"', "content of event"),
        (b'"key-cedar"', b'"key-birch"', "content of event"),
        (b"\n1,", b"\n2,", "event b2."),
    ):
        members = packed.members
        assert old in members[file]
        members[file] = members[file].replace(old, new, 1)
        breaks = packed.verify(packed.signed_again(members)).breaks
        assert any(each.file == file and each.what.startswith(what) for each in breaks), new


def test_an_event_that_the_signer_left_out_or_doubled_is_missed(packed: PackedHome) -> None:
    folder = f"usage/{_id(packed)}-s0002"
    lines = packed.members[f"{folder}/events.csv"].splitlines(keepends=True)
    for some in (lines[:-1], [*lines, lines[-1]]):
        members = {**packed.members, f"{folder}/events.csv": b"".join(some)}
        breaks = packed.verify(packed.signed_again(members)).breaks
        assert (f"{folder}/usage.json", "event count") in {(each.file, each.what) for each in breaks}


def test_every_break_is_listed_not_the_first(packed: PackedHome) -> None:
    members = packed.members
    for lie in ("a quantity", "a step", "what is due", "a posting"):
        member = LIES[lie][0].replace("{id}", _id(packed))
        members[member] = edited(members[member], LIES[lie][1])
    files = {each.file.partition("/")[0] for each in packed.verify(packed.signed_again(members)).breaks}
    assert files == {"usage", "lines", "invoice"}


def test_a_member_of_another_form_is_a_break_and_no_crash(packed: PackedHome) -> None:
    for name in packed.members:
        if name.endswith(".json") and name != MANIFEST:
            for value in (b"[]", b"{}", b"null", b"\xff", b"7", b'{"a":1.5}'):
                members = {**packed.members, name: value}
                if value == packed.members[name]:
                    continue
                assert packed.verify(packed.signed_again(members)).breaks, (name, value)


def test_the_verifier_runs_where_only_it_and_the_kernel_are(packed: PackedHome, tmp_path: Path) -> None:
    source, alone = Path(tieout.__file__).parent, tmp_path / "alone" / "tieout"
    for folder in ("kernel", "evidence/verify"):
        shutil.copytree(source / folder, alone / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__init__.py", "evidence/__init__.py"):
        shutil.copy(source / file, alone / file)
    (tmp_path / "pack.zip").write_bytes(packed.content)
    (tmp_path / "key.pub").write_bytes(packed.key_file)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import json; "
        "from tieout.evidence.verify.verify import verify_pack; "
        "read = lambda name: open(name, 'rb').read(); "
        "report = verify_pack(read(sys.argv[2]), read(sys.argv[3])); "
        "print(json.dumps([len(report.breaks), len(report.checked), "
        "sorted(name for name in sys.modules if '.' not in name)]))"
    )
    arguments = [str(alone.parent), str(tmp_path / "pack.zip"), str(tmp_path / "key.pub")]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, *arguments], check=True, capture_output=True, text=True
    )
    breaks, checked, modules = json.loads(ran.stdout)
    assert (breaks, checked) == (0, 13)
    foreign = {name for name in modules if name not in sys.stdlib_module_names}
    assert {name for name in foreign if not name.startswith("_sysconfig")} == {"tieout", "__main__"}


def _files(packed: PackedHome, content: bytes) -> set[str]:
    return {each.file for each in packed.verify(content).breaks}


def _id(packed: PackedHome) -> str:
    found: str = json.loads(packed.members[MANIFEST])["invoice"]["id"]
    return found
