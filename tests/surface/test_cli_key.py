"""`tieout key` and `tieout serve` at the command line: what is made, shown once, and refused."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.surface.conftest import in_process, tieout
from tests.surface.served import make_served


@pytest.fixture
def home(tmp_path: Path) -> str:
    return str(make_served(tmp_path / "home").folder)


def test_a_key_is_shown_once_listed_without_its_token_and_revoked_once(home: str) -> None:
    created = in_process(
        "key",
        "create",
        "--home",
        home,
        "--name",
        "Gateway",
        "--source",
        "gw-1",
        "--source",
        "edge-*",
        "--json",
    )
    assert created.code == 0, created.err
    key = created.json
    assert key["token"].startswith(f"tieout-{key['id']}-") and len(key["token"]) == 7 + 16 + 1 + 64
    listed = in_process("key", "list", "--home", home, "--json")
    entry = next(one for one in listed.json if one["id"] == key["id"])
    assert entry == {
        "id": key["id"],
        "name": "Gateway",
        "role": "source",
        "sources": ["gw-1", "edge-*"],
        "created_at": key["created_at"],
        "revoked_at": None,
    }
    assert key["token"].rpartition("-")[2] not in listed.out
    assert in_process("key", "revoke", key["id"], "--home", home).code == 0
    again = in_process("key", "revoke", key["id"], "--home", home)
    assert (again.code, again.err.count("\n")) == (3, 1)
    assert "Gateway" in in_process("key", "list", "--home", home).out


@pytest.mark.parametrize(
    "options",
    [
        ["--name", "x", "--role", "boss"],
        ["--name", "x", "--role", "source"],
        ["--name", "x", "--role", "finance", "--source", "a"],
        ["--name", "", "--source", "a"],
        ["--name", "x\ny", "--source", "a"],
        ["--name", "x", "--source", "söurce"],
        ["--name", "x", "--source", ""],
    ],
)
def test_a_key_that_makes_no_sense_is_refused(home: str, options: list[str]) -> None:
    ran = in_process("key", "create", "--home", home, *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("tieout: No key was made: ")


def test_serve_says_what_is_wrong_and_ends(home: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = tieout("serve", "--home", home, "--port", str(port))
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"tieout: cannot listen on 127.0.0.1 port {port}: ")
    ran = tieout("serve", "--home", home, "--host", "no.such.host.invalid", "--port", "0")
    assert ran.code == 2 and "cannot listen" in ran.err
    nowhere = tieout("serve", "--home", str(tmp_path / "nowhere"), "--port", "0")
    assert nowhere.code == 3 and "not a home" in nowhere.err
