"""`tieout evidence key|build|verify|heads` as a user meets it: one key for ever, nothing written over,
and code 6."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.evidence_packs import PackedHome, packed_home
from tieout.cli.app import app
from tieout.evidence.pack.minisign import public_key_pem

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("cli-evidence"))


def run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, ["evidence", *map(str, arguments)])


def test_the_key_is_made_once_and_only_its_owner_reads_it(
    packed: PackedHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = ("--home", packed.folder)
    assert stat.S_IMODE((packed.folder / "evidence.key").stat().st_mode) == 0o600
    assert run("key", "--create", *home).exit_code == 4
    assert run("key", *home).stdout.encode() == packed.key_file
    assert run("key", "--pem", *home).stdout == public_key_pem(packed.key.public_key())
    elsewhere = tmp_path / "other.key"
    monkeypatch.setenv("TIEOUT_EVIDENCE_KEY", str(elsewhere))
    assert run("key", *home).exit_code == 3
    assert run("key", "--create", *home).exit_code == 0
    elsewhere.chmod(0o640)
    assert run("build", "INV-000001", *home, "--out", tmp_path / "no.zip").exit_code == 2
    assert not (tmp_path / "no.zip").exists()


def test_a_line_is_packed_alone_and_checks(packed: PackedHome, tmp_path: Path) -> None:
    home, pack, key = ("--home", packed.folder), tmp_path / "line.zip", tmp_path / "key.pub"
    key.write_bytes(packed.key_file)
    invoice = next(name for name in packed.members if name.startswith("lines/"))
    line = invoice.removeprefix("lines/").removesuffix(".json").rpartition("-")[0] + "-003"
    built = run("build", line, *home, "--out", pack, "--json")
    told = json.loads(built.stdout)
    assert (told["lines"], told["events"]) == ([line], 4)
    content = pack.read_bytes()
    assert run("build", line, *home, "--out", pack).exit_code == 4, "no file is written over unasked"
    private = packed.folder / "evidence.key"
    assert run("build", line, *home, "--out", private, "--force").exit_code == 4, "a key never"
    assert run("build", line, *home, "--out", tmp_path / "no" / "b.zip").exit_code == 3
    pack.write_bytes(b"old")
    assert run("build", line, *home, "--out", pack, "--force").exit_code == 0
    assert pack.read_bytes() == content and sorted(tmp_path.iterdir()) == [key, pack]
    assert run("build", "nothing", *home, "--out", tmp_path / "b.zip").exit_code == 3
    assert not (tmp_path / "b.zip").exists()
    assert run("verify", pack, "--key", key).exit_code == 0
    assert run("verify", tmp_path / "none.zip", "--key", key).exit_code == 3
    assert run("verify", pack, "--key", tmp_path).exit_code == 3
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    pack.write_bytes(bytes(flipped))
    broken = run("verify", pack, "--key", key, "--json")
    assert broken.exit_code == 6
    assert json.loads(broken.stdout)["breaks"][0]["file"]
    assert run("verify", pack, "--key", pack).exit_code == 2


def test_no_secret_and_no_other_customer_is_in_a_pack(packed: PackedHome) -> None:
    from tieout.wiring import open_home

    with open_home(packed.folder) as home:
        secret = home.log.identity_secret
    private = (packed.folder / "evidence.key").read_bytes().splitlines()[1]
    for name, content in packed.members.items():
        assert secret not in content and secret.hex().encode() not in content, name
        assert private not in content, name
        assert b"acme" not in content and b"birch" not in content, name


def test_heads_are_listed_given_away_and_checked(packed: PackedHome, tmp_path: Path) -> None:
    home, copy = ("--home", packed.folder), tmp_path / "head.json"
    first, second, listed = json.loads(run("heads", *home, "--json").stdout)
    assert (first["number"], first["batch"], first["previous"], first["roots"]) == (1, 1, None, None)
    assert (second["number"], second["previous"]) == (2, first["statement_sha256"])
    assert (listed["number"], listed["previous"]) == (3, second["statement_sha256"])
    assert (listed["close_run"], listed["roots"]["upto"], listed["roots"]["pieces"]) == (None, 1, 1)
    assert run("heads", *home, "--export", copy, "--number", "4").exit_code == 3
    assert run("heads", *home, "--export", copy, "--check", copy).exit_code == 2
    assert run("heads", *home, "--number", "1").exit_code == 2
    assert run("heads", *home, "--export", copy).exit_code == 0
    assert run("heads", *home, "--export", copy).exit_code == 4, "no file is written over unasked"
    assert json.loads(copy.read_bytes())["digest"] == listed["digest"]
    holds = run("heads", *home, "--check", copy, "--json")
    assert (holds.exit_code, json.loads(holds.stdout)["holds"]) == (0, True)
    assert RUNNER.invoke(app, ["verify", *map(str, home), "--head", str(copy)]).exit_code == 0
    pack, key = tmp_path / "pack.zip", tmp_path / "key.pub"
    pack.write_bytes(packed.content)
    key.write_bytes(packed.key_file)
    assert run("verify", pack, "--key", key, "--head", copy).exit_code == 0
    assert run("verify", pack, "--key", key, "--head", tmp_path / "none").exit_code == 3
    assert run("verify", pack, "--key", key, "--head", key).exit_code == 3, "no signature lies beside it"
    assert json.loads(run("roots", pack, *home, "--json").stdout)["findings"] == []
    assert run("roots", pack, *home).exit_code == 0
    assert run("roots", key, *home).exit_code == 2
    copy.write_bytes(b"{}")
    assert run("verify", pack, "--key", key, "--head", copy).exit_code == 6
    assert run("heads", *home, "--check", copy).exit_code == 2
    (tmp_path / "head.json.minisig").unlink()
    assert run("heads", *home, "--check", copy).exit_code == 3


def test_each_file_of_a_check_is_named_with_what_to_do(packed: PackedHome, tmp_path: Path) -> None:
    home, copy = ("--home", packed.folder), tmp_path / "head.json"
    run("heads", *home, "--export", copy)
    key, beside, alone = tmp_path / "key.pub", tmp_path / "head.json.minisig", tmp_path / "alone.json"
    key.write_bytes(packed.key_file)
    alone.write_bytes(copy.read_bytes())
    for options, code, names, asks in (
        ((tmp_path / "none.json",), 3, "none.json cannot be read", "ask whoever exported it"),
        ((alone,), 3, "alone.json.minisig cannot be read", "ask whoever exported it"),
        ((copy, "--key", tmp_path / "none.pub"), 3, "key file", "--key names the public key"),
        ((copy, "--key", beside), 2, "head.json.minisig is no Ed25519 public key", "not its signature"),
        ((copy, "--key", key), 0, "", ""),
    ):
        ran = RUNNER.invoke(app, ["evidence", "heads", *map(str, home), "--check", *map(str, options)])
        assert ran.exit_code == code and names in ran.stderr and asks in ran.stderr, ran.stderr
    copy.write_bytes(copy.read_bytes()[:100])
    cut = RUNNER.invoke(app, ["evidence", "heads", *map(str, home), "--check", str(copy)])
    assert cut.exit_code == 2 and "head.json is not what was signed" in cut.stderr
    packless = RUNNER.invoke(app, ["evidence", "roots", str(tmp_path / "no.zip"), *map(str, home)])
    assert packless.exit_code == 3 and "minisig" not in packless.stderr
