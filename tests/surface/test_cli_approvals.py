"""A change of a meter from the command line: applied, waiting, signed by its owner, approved."""

from __future__ import annotations

from pathlib import Path

from tests.surface.conftest import in_process

CATALOG = Path(__file__).parents[1] / "scenarios" / "plan_change_mid_period" / "catalog"
CHANGED = """
[[meter]]
key = "calls"
version = 2
effective_from = 2026-07-01T00:00:00Z
definition = "Every call but those for health."
owner = "api"
event = "api.call"
aggregation = "count"
unit = "call"
exclude = [{ reason = "health", where = { route = ["/health"] } }]
"""


def test_a_change_waits_for_its_owner_and_takes_effect_with_the_signature(tmp_path: Path) -> None:
    home, key, request, signature = (
        str(tmp_path / name) for name in ("home", "owner.key", "request.json", "signature.json")
    )
    changed = tmp_path / "meter.toml"
    changed.write_text(CHANGED)
    at_home = ("--home", home)
    assert in_process("init", *at_home).code == 0
    assert in_process("catalog", "apply", str(CATALOG), *at_home, "--json").json["pending"] == []
    assert in_process("catalog", "pending", *at_home, "--json").json == [], "a first version changes nothing"
    applied = in_process("catalog", "apply", str(changed), *at_home)
    assert "meter calls version 2 bills nobody until api signs it" in applied.err
    (waiting,) = in_process("catalog", "pending", *at_home, "--json").json
    assert (waiting["meter"], waiting["version"], waiting["owner"]) == ("calls", 2, "api")
    assert waiting["approved"] is False and waiting["signed_at"] is None
    assert "waits for api" in in_process("catalog", "show", "meter", *at_home).out
    asked = in_process("catalog", "request", "calls", "--out", request, *at_home)
    assert "request to api to sign meter calls version 2" in asked.out
    assert in_process("policy", "keygen", key).code == 0
    owner = ("--role", "owner", "--person", "api")
    assert in_process("policy", "register", f"{key}.pub", *owner, *at_home).code == 0
    wrong = in_process(
        *("policy", "sign", request, "--key", key, "--role", "ops", "--person", "api", "--out", signature)
    )
    assert wrong.code == 2 and "tieout catalog sign" in wrong.err
    signed = in_process("catalog", "sign", request, "--key", key, "--out", signature)
    assert signed.code == 0 and '"definition":"Every call' in signed.out
    assert in_process("catalog", "approve", "calls", signature, "--version", "3", *at_home).code == 3
    assert in_process("catalog", "approve", "calls", signature, *at_home).code == 0
    assert in_process("catalog", "approve", "calls", signature, *at_home).code == 4
    assert in_process("catalog", "pending", *at_home, "--json").json == []
    shown = in_process("catalog", "show", "meter", "calls", *at_home, "--json").json
    assert "approval" not in shown[0], "the first version needs none"
    assert shown[1]["approval"]["approved"] is True and shown[1]["approval"]["owner"] == "api"
    assert "signed by api" in in_process("catalog", "show", "meter", *at_home).out
