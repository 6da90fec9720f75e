"""`tieout policy diff|show|rotate|keys`, and what may not be signed any more."""

from __future__ import annotations

from pathlib import Path

from tests.surface.conftest import in_process

FIRST = """[[policy]]
key = "close"
version = 1
effective_from = 2026-01-01T00:00:00Z
cadence = "monthly"
grace_hours = 24
proposer = "Somebody Else"
"""
SECOND = """[[policy]]
key = "close"
version = 2
effective_from = 2026-01-02T00:00:00Z
predecessor_digest = "{before}"
cadence = "monthly"
anchor_day = 15
grace_hours = 24
review_hours = 48
late_path = "note"
requires = ["verified_log", "approved_draft"]
proposer = "Somebody Else"
"""


class Town:
    """A home, and the desks of three people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = ("--home", str(folder / "home"))
        assert in_process("init", *self.home).code == 0
        for role in ("product", "finance", "ops"):
            assert in_process("policy", "keygen", str(folder / role)).code == 0
            registered = ("--role", role, "--person", f"Person of {role}", *self.home)
            assert in_process("policy", "register", str(folder / f"{role}.pub"), *registered).code == 0

    def propose(self, text: str) -> str:
        (self.folder / "policy.toml").write_text(text)
        found = in_process("policy", "propose", str(self.folder / "policy.toml"), *self.home, "--json")
        assert found.code == 0, found.err
        return str(found.json["digest"])

    def signature(self, digest: str, role: str) -> str:
        request, out = str(self.folder / "request.json"), str(self.folder / f"{digest[:8]}.{role}")
        assert in_process("policy", "request", digest, "--out", request, "--force", *self.home).code == 0
        signer = ("--role", role, "--person", f"Person of {role}", "--key", str(self.folder / role))
        assert in_process("policy", "sign", request, *signer, "--out", out, "--force").code == 0
        return out

    def sign(self, digest: str, *roles: str) -> None:
        for role in roles:
            assert in_process("policy", "submit", self.signature(digest, role), *self.home).code == 0


def test_two_policies_differ_member_by_member(tmp_path: Path) -> None:
    town = Town(tmp_path)
    first = town.propose(FIRST)
    second = town.propose(SECOND.format(before=first))
    found = in_process("policy", "diff", first[:10], "close@2", *town.home, "--json").json
    assert {each["member"]: (each["before"], each["after"]) for each in found["differences"]} == {
        "effective_from": ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        "predecessor_digest": (None, first),
        "anchor_day": (1, 15),
        "review_hours": (0, 48),
        "late_path": ("next_invoice", "note"),
        "requires": ([], ["approved_draft", "verified_log"]),
    }
    shown = in_process("policy", "diff", "close@1", "close@2", *town.home).out
    assert "late_path" in shown and "next_invoice" in shown and "approved_draft, verified_log" in shown
    assert "cadence" not in shown
    assert "say the same" in in_process("policy", "diff", first, first, *town.home).err
    assert in_process("policy", "diff", first, "close@9", *town.home).code == 3
    one = in_process("policy", "show", second[:8], *town.home).out
    for member in ("anchor_day", "review_hours", "off_cycle.exposure_over", "requires"):
        assert member in one
    (state,) = in_process("policy", "show", "close@2", *town.home, "--json").json
    assert (state["review_hours"], state["off_cycle.contract_end"], state["version"]) == (48, False, 2)


def test_a_rotated_key_signs_no_more_and_its_successor_does(tmp_path: Path) -> None:
    town = Town(tmp_path)
    digest = town.propose(FIRST)
    late = town.signature(digest, "ops")
    keys = in_process("policy", "keys", *town.home, "--json").json
    old = next(each["key_id"] for each in keys if each["role"] == "ops")
    assert in_process("policy", "keygen", str(tmp_path / "ops.new")).code == 0
    rotated = in_process("policy", "rotate", old, str(tmp_path / "ops.new.pub"), *town.home, "--json")
    assert (rotated.code, rotated.json["replaces"], rotated.json["person"]) == (0, old, "Person of ops")
    assert "revoked" in in_process("policy", "submit", late, *town.home).err
    (tmp_path / "ops").write_bytes((tmp_path / "ops.new").read_bytes())
    town.sign(digest, "product", "finance", "ops")
    assert in_process("policy", "show", *town.home, "--json").json[0]["missing"] == []
    history = {each["key_id"]: each for each in in_process("policy", "keys", *town.home, "--json").json}
    assert history[old]["replaced_by"] == rotated.json["key_id"]
    assert history[old]["revoked_at"] == history[rotated.json["key_id"]]["registered_at"]
    assert (history[old]["signed"], history[rotated.json["key_id"]]["signed"]) == (0, 1)
    assert rotated.json["key_id"] in in_process("policy", "keys", *town.home).out


def test_a_rotation_that_cannot_be_changes_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    before = in_process("policy", "keys", *town.home, "--json").json
    ops = next(each["key_id"] for each in before if each["role"] == "ops")
    taken = in_process("policy", "rotate", ops, str(tmp_path / "finance.pub"), *town.home)
    assert (taken.code, "registered already" in taken.err) == (4, True)
    gone = in_process("policy", "rotate", "f" * 16, str(tmp_path / "finance.pub"), *town.home)
    assert (gone.code, "tieout policy keys" in gone.err) == (3, True)
    private = in_process("policy", "rotate", ops, str(tmp_path / "finance"), *town.home)
    assert private.code == 2
    assert in_process("policy", "keys", *town.home, "--json").json == before


def test_what_is_superseded_signed_or_for_another_role_is_refused(tmp_path: Path) -> None:
    town = Town(tmp_path)
    first = town.propose(FIRST)
    town.sign(first, "product", "finance")
    twice = in_process("policy", "submit", town.signature(first, "finance"), *town.home)
    assert (twice.code, "finance has signed the document" in twice.err) == (4, True)
    late = town.signature(first, "ops")
    second = town.propose(SECOND.format(before=first))
    other = in_process("policy", "propose", str(_competing(tmp_path, first)), *town.home)
    assert (other.code, "predecessor" in other.err) in ((2, True), (4, True))
    town.sign(second, "product", "finance", "ops")
    superseded = in_process("policy", "submit", late, *town.home)
    assert superseded.code == 4
    assert "close v1 is superseded: close v2, signed by all three, is in force from" in superseded.err
    wrong = in_process(
        "policy", "sign", str(tmp_path / "request.json"), "--role", "finance", "--person", "Person of ops",
        "--key", str(tmp_path / "ops"), "--out", str(tmp_path / "wrong"), "--force",
    )  # fmt: skip
    assert wrong.code == 0
    refused = in_process("policy", "submit", str(tmp_path / "wrong"), *town.home)
    assert (refused.code, "its key is registered for ops" in refused.err) == (2, True)


def _competing(folder: Path, before: str) -> Path:
    file = folder / "competing.toml"
    file.write_text(
        SECOND.format(before=before).replace("2026-01-02", "2026-01-03").replace("close", "other")
    )
    return file
