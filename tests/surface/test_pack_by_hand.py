"""A pack is checked by stock tools alone, where this program cannot be imported: unzip, minisign,
sha256sum, and a `duckdb` that knows nothing but DuckDB.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.evidence_packs import packed_home
from tieout.flows.head_copy import head_copy
from tieout.wiring import open_home

TOOLS = ("sh", "unzip", "minisign", "sha256sum", "grep", "sed", "sort", "find", "wc", "dirname", "cat")
SHELL = """#!{python} -IS
import sys
sys.path.insert(0, {packages!r})
import duckdb
for statement in duckdb.extract_statements(sys.stdin.read()):
    for row in duckdb.execute(statement).fetchall():
        print(*(str(each).lower() if isinstance(each, bool) else each for each in row), sep=",")
"""
"""What the duckdb shell prints with -csv, but for its headings."""


@pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is a package of the system")
def test_the_script_in_a_pack_checks_it_with_stock_tools(tmp_path: Path) -> None:
    packed = packed_home(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, f"{name} is not installed"
        (tools / name).symlink_to(found)
    only_duckdb = tmp_path / "packages"
    only_duckdb.mkdir()
    for part in Path(duckdb.__file__).parent.parent.glob("*duckdb*"):
        (only_duckdb / part.name).symlink_to(part)
    shell = tools / "duckdb"
    shell.write_text(SHELL.format(python=sys.executable, packages=str(only_duckdb)))
    shell.chmod(0o755)
    (tmp_path / "pack.zip").write_bytes(packed.content)
    (tmp_path / "key.pub").write_bytes(packed.key_file)
    with open_home(packed.folder) as home:
        copy = head_copy(home, 1)
    (tmp_path / "head.json").write_bytes(copy.statement)
    (tmp_path / "head.json.minisig").write_bytes(copy.signature)

    def run(*command: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, env={"PATH": str(tools)}, capture_output=True, text=True, check=False
        )

    assert run("unzip", "-q", "pack.zip", "-d", "pack").returncode == 0
    ran = run("sh", "check.sh", "../key.pub", folder=tmp_path / "pack")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count(",true\n") == 17 and "all files, quantities and roots check" in ran.stdout
    head = run("cat", "head.json").stdout
    assert run("minisign", "-V", "-q", "-p", "key.pub", "-m", "head.json").returncode == 0
    assert run("grep", "-qF", head, "pack/log/heads.json").returncode == 0, "a head that was kept"
    assert run("grep", "-qF", head.replace('"batch":1', '"batch":2'), "pack/log/heads.json").returncode == 1
    proof = next((tmp_path / "pack" / "usage").glob("*s0001/proof.csv"))
    root = ("sh", "-c", "cat proof.sql | duckdb")
    assert run(*root, folder=proof.parent).stdout.count(",true\n") == 2
    honest = proof.read_bytes()
    hidden = bytearray(honest)
    hidden[-50] = ord("1") if hidden[-50] == ord("0") else ord("0")  # in the hash of the events of others
    proof.write_bytes(bytes(hidden))
    assert ",false\n" in run(*root, folder=proof.parent).stdout
    proof.write_bytes(honest)
    events = next((tmp_path / "pack" / "usage").glob("*s0002/events.csv"))
    whole = events.read_bytes()
    events.write_bytes(whole.replace(b'"100"', b'"101"', 1))
    assert run("sh", "check.sh", "../key.pub", folder=tmp_path / "pack").returncode == 6
    events.write_bytes(whole)
    (tmp_path / "pack" / "extra").write_text("x")
    assert "added or missing" in run("sh", "check.sh", folder=tmp_path / "pack").stdout
