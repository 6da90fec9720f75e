"""Signing from the command line: three people, each at their own desk, and a key that was lost."""

from __future__ import annotations

from pathlib import Path

from tests.surface.conftest import in_process


def test_three_people_sign_a_policy_each_at_their_own_desk(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    document = tmp_path / "policy.toml"
    document.write_text(
        '[[policy]]\nkey = "close"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\n'
        'cadence = "monthly"\ngrace_hours = 24\nproposer = "Somebody Else"\n'
    )
    assert in_process("init", "--home", home).code == 0
    digest = in_process("policy", "propose", str(document), "--home", home, "--json").json["digest"]
    request = str(tmp_path / "request.json")
    assert in_process("policy", "request", digest[:12], "--out", request, "--home", home).code == 0
    for role in ("product", "finance", "ops"):
        key, signature = str(tmp_path / role), str(tmp_path / f"{role}.signature")
        assert in_process("policy", "keygen", key).code == 0
        assert in_process("policy", "keygen", key).code == 4
        signer = ("--role", role, "--person", f"Person of {role}")
        assert in_process("policy", "register", f"{key}.pub", *signer, "--home", home).code == 0
        assert in_process("policy", "sign", request, "--key", key, *signer, "--out", signature).code == 0
        assert in_process("policy", "submit", signature, "--home", home).code == 0
    state = in_process("policy", "show", "--home", home, "--json").json[0]
    assert state["missing"] == []
    assert state["in_force_from"] is not None


def test_a_revoked_key_signs_no_more_and_is_revoked_once(tmp_path: Path) -> None:
    home, key = str(tmp_path / "home"), str(tmp_path / "ops")
    document, request, signature = (
        tmp_path / "policy.toml",
        str(tmp_path / "request"),
        str(tmp_path / "signed"),
    )
    document.write_text(
        '[[policy]]\nkey = "close"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\n'
        'cadence = "monthly"\ngrace_hours = 24\nproposer = "Somebody Else"\n'
    )
    signer = ("--role", "ops", "--person", "Person of ops")
    assert in_process("init", "--home", home).code == 0
    key_id = in_process("policy", "keygen", key, "--json").json["key_id"]
    assert in_process("policy", "register", f"{key}.pub", *signer, "--home", home).code == 0
    digest = in_process("policy", "propose", str(document), "--home", home, "--json").json["digest"]
    assert in_process("policy", "request", digest, "--out", request, "--home", home).code == 0
    assert in_process("policy", "sign", request, "--key", key, *signer, "--out", signature).code == 0
    assert in_process("policy", "revoke", key_id, "--home", home).code == 0
    refused = in_process("policy", "submit", signature, "--home", home)
    assert refused.code == 2
    assert "revoked" in refused.err
    assert in_process("policy", "revoke", key_id, "--home", home).code == 3
    assert in_process("policy", "revoke", "f" * 16, "--home", home).code == 3


# ---------------------------------------------------------------------------------------------- close
