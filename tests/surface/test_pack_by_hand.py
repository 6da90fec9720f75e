"""A pack is checked by stock tools alone, where this program cannot be imported: unzip, minisign, OpenSSL,
sha256sum and the `duckdb` shell, by the commands that the how-to and the pack's own page show.

The shell is the one that strangers install, which follows the library by a version or more. So that the
queries keep on working with the next one, the library stands for it once more, alone in its process.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from importlib.metadata import version
from pathlib import Path

import duckdb
import duckdb_cli
import pytest

from tests.evidence_packs import PackedHome, packed_home
from tests.tidy.tree import ROOT
from tieout.evidence.pack.minisign import public_key_pem
from tieout.flows.head_copy import head_copy
from tieout.wiring import open_home

HOW_TO = ROOT / "docs" / "how-to" / "check-a-pack-without-tieout.md"
TOOLS = (
    *("sh", "unzip", "minisign", "openssl", "sha256sum", "base64", "tail"),
    *("grep", "sed", "sort", "find", "wc", "dirname", "cat"),
)
LIBRARY_AS_SHELL = """#!{python} -IS
import sys
sys.path.insert(0, {packages!r})
import duckdb
for statement in duckdb.extract_statements(sys.stdin.read()):
    answer = duckdb.execute(statement)
    rows = answer.fetchall()
    if not all(len(row) > 1 for row in rows):
        continue
    if rows:
        print(*(column[0] for column in answer.description), sep=",")
    for row in rows:
        print(*(str(each).lower() if isinstance(each, bool) else each for each in row), sep=",")
"""
"""What the duckdb shell prints with -csv."""
SHELLS = ("shell", "library")


@dataclass(frozen=True, slots=True)
class Stranger:
    """A folder with a pack, a key and a head that was kept; and nothing but tools to run."""

    folder: Path
    tools: Path

    @property
    def pack(self) -> Path:
        return self.folder / "pack"

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder or self.folder,
            env={"PATH": str(self.tools)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("by-hand"))


@pytest.fixture(params=SHELLS)
def stranger(packed: PackedHome, tmp_path: Path, request: pytest.FixtureRequest) -> Stranger:
    tools, folder = tmp_path / "tools", tmp_path / "own"
    tools.mkdir()
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is a package of the system")
        (tools / name).symlink_to(found)
    if request.param == "shell":
        (tools / "duckdb").symlink_to(Path(duckdb_cli.__file__).parent / "duckdb")
    else:
        make_library_a_shell(tools / "duckdb", tmp_path / "packages")
    (folder / "pack.zip").write_bytes(packed.content)
    (folder / "key.pub").write_bytes(packed.key_file)
    (folder / "key.pem").write_text(public_key_pem(packed.key.public_key()))
    with open_home(packed.folder) as home:
        copy = head_copy(home, 1)
    (folder / "head.json").write_bytes(copy.statement)
    (folder / "head.json.minisig").write_bytes(copy.signature)
    return Stranger(folder, tools)


def make_library_a_shell(program: Path, only_duckdb: Path) -> None:
    only_duckdb.mkdir()
    for part in Path(duckdb.__file__).parent.parent.glob("*duckdb*"):
        (only_duckdb / part.name).symlink_to(part)
    program.write_text(LIBRARY_AS_SHELL.format(python=sys.executable, packages=str(only_duckdb)))
    program.chmod(0o755)


def commands_of_the_how_to() -> str:
    return "".join(re.findall(r"^```\n(.*?)^```$", HOW_TO.read_text(), re.MULTILINE | re.DOTALL))


def commands_of_the_page(packed: PackedHome) -> str:
    found = re.search(r"<pre>(.*?)</pre>", packed.members["index.html"].decode(), re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_the_documented_commands_check_a_pack(stranger: Stranger) -> None:
    ran = stranger.run("sh", "-euc", commands_of_the_how_to())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Signature Verified Successfully" in ran.stdout and "all files, quantities and roots" in ran.stdout
    assert ran.stdout.count("Signature and comment signature verified") == 2, "the manifest and the head"
    assert answers(ran.stdout) == {"true"}
    assert (stranger.folder / "head.json").read_text() in ran.stdout.splitlines()[-1]


def test_the_commands_on_the_page_check_the_pack(stranger: Stranger, packed: PackedHome) -> None:
    ran = stranger.run("sh", "-euc", commands_of_the_page(packed))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert answers(ran.stdout) == {"true"}
    shown = set(commands_of_the_how_to().splitlines())
    assert {line for line in commands_of_the_page(packed).splitlines() if not line.startswith("cd ")} <= shown


def answers(printed: str) -> set[str]:
    """What stands in the last columns, in either form that the shell prints."""
    return set(re.findall(r"(?:,|│ *)(true|false|NULL)(?: *│)?$", printed, re.MULTILINE))


def test_the_how_to_names_the_versions_that_are_tried() -> None:
    told = f"DuckDB {version('duckdb-cli')}, and with the engine of {version('duckdb')}."
    assert told in " ".join(HOW_TO.read_text().split())


def test_the_script_in_a_pack_runs_every_query(stranger: Stranger) -> None:
    assert stranger.run("unzip", "-q", "pack.zip", "-d", "pack").returncode == 0
    ran = stranger.run("sh", "check.sh", "../key.pub", folder=stranger.pack)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    queries = sorted(each.relative_to(stranger.pack).as_posix() for each in stranger.pack.rglob("*.sql"))
    assert sorted(line for line in ran.stdout.splitlines() if line.endswith(".sql")) == queries
    assert ran.stdout.count(",true\n") == 17 and len(queries) == 7
    (stranger.tools / "duckdb").unlink()
    without = stranger.run("sh", "check.sh", "../key.pub", folder=stranger.pack)
    assert (without.returncode, without.stdout) == (3, "duckdb is not installed\n")


def _flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0x01
    file.write_bytes(bytes(content))


def _change_with_its_checksum(pack: Path) -> None:
    """The manifest says something else."""
    file, sums = pack / "index.html", pack / "SHA256SUMS"
    before = sha256(file.read_bytes()).hexdigest()
    _flip(file, 50)
    sums.write_text(sums.read_text().replace(before, sha256(file.read_bytes()).hexdigest()))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "an event": lambda pack: _flip(next(pack.glob("usage/*s0002/events.csv")), -50),
    "a file of columns": lambda pack: _flip(next(pack.glob("usage/*s0002/events.parquet")), 50),
    "the manifest": lambda pack: _flip(pack / "manifest.json", 50),
    "the signature": lambda pack: _flip(pack / "manifest.json.minisig", 100),
    "a file and its checksum": _change_with_its_checksum,
    "a checksum": lambda pack: _flip(pack / "SHA256SUMS", 5),
    "a file more": lambda pack: (pack / "extra").write_text("x"),
    "a link more": lambda pack: (pack / "usage" / "extra").symlink_to("/etc/passwd"),
    "a file less": lambda pack: (pack / "index.html").unlink(),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_the_script_finds_what_is_damaged(what: str, stranger: Stranger) -> None:
    stranger.run("unzip", "-q", "pack.zip", "-d", "pack")
    DAMAGE[what](stranger.pack)
    ran = stranger.run("sh", "check.sh", "../key.pub", folder=stranger.pack)
    assert ran.returncode == 6 and "BREAK: " in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("query", "old", "new", "said"),
    [
        ("usage/*s0002/quantity.sql", "CAST('622'", "CAST('623'", "comes to something else"),
        ("usage/*s0002/quantity.sql", "CAST('622'", "CAST(NULL", "comes to something else"),
        ("usage/*s0002/quantity.sql", "read_csv(", "read_nothing(", "does not run"),
        ("usage/*s0002/proof.sql", "unhex('01'", "unhex('02'", "comes to something else"),
        ("log/proof.sql", "SELECT", "SELEKT", "does not run"),
    ],
)
def test_an_answer_that_is_not_true_is_a_break(
    query: str, old: str, new: str, said: str, stranger: Stranger
) -> None:
    """Of a signer whose files do not agree, or a shell that cannot run the query: digests are made to fit."""
    stranger.run("unzip", "-q", "pack.zip", "-d", "pack")
    file = next(stranger.pack.glob(query))
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    name, sums, manifest = (
        file.relative_to(stranger.pack).as_posix(),
        stranger.pack / "SHA256SUMS",
        stranger.pack / "manifest.json",
    )
    digest = stranger.run("sha256sum", name, folder=stranger.pack).stdout.split()[0]
    size = len(file.read_bytes())
    sums.write_text(re.sub(rf"[0-9a-f]{{64}}(?=  {name}\n)", digest, sums.read_text()))
    member = rf'"{name}":{{"bytes":[0-9]+,"sha256":"[0-9a-f]{{64}}'
    manifest.write_text(re.sub(member, f'"{name}":{{"bytes":{size},"sha256":"{digest}', manifest.read_text()))
    ran = stranger.run("sh", "check.sh", folder=stranger.pack)
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (6, f"BREAK: {name} {said}"), ran.stderr


def test_a_head_of_another_log_and_a_changed_proof_are_seen(stranger: Stranger) -> None:
    stranger.run("unzip", "-q", "pack.zip", "-d", "pack")
    head = (stranger.folder / "head.json").read_text()
    other = head.replace('"batch":1', '"batch":2')
    assert head != other
    heads = "pack/log/heads.json"
    assert stranger.run("grep", "-qF", head, heads).returncode == 0
    assert stranger.run("grep", "-qF", other, heads).returncode == 1
    (stranger.folder / "head.json").write_text(other)
    assert stranger.run("minisign", "-V", "-p", "key.pub", "-m", "head.json").returncode == 1
    proof = next(stranger.pack.glob("usage/*s0001/proof.csv"))
    hidden = bytearray(proof.read_bytes())
    hidden[-50] = ord("1") if hidden[-50] == ord("0") else ord("0")  # in the hash of the events of others
    proof.write_bytes(bytes(hidden))
    ran = stranger.run("sh", "-c", "duckdb -csv < proof.sql", folder=proof.parent)
    assert ",false\n" in ran.stdout
