"""What a command writes for a person never takes the place of another file unasked, and of a private key
never at all. All that these commands write is refused before a home is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surface.conftest import in_process
from tieout.cli.out_file import may_write

WRITERS = [
    ("policy", "request", "abc"),
    ("policy", "sign", "request.json", "--key", "k", "--role", "ops", "--person", "Ann"),
    ("catalog", "request", "calls"),
    ("catalog", "sign", "request.json", "--key", "k"),
    ("price", "request", "fee"),
    ("price", "sign", "request.json", "--key", "k", "--role", "finance", "--person", "Ann"),
    ("reconcile", "waiver", "request", "abc"),
    ("ledger", "export", "--format", "hledger"),
]


@pytest.mark.parametrize("writer", WRITERS, ids=" ".join)
def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(
    tmp_path: Path, writer: tuple[str, ...]
) -> None:
    kept, key = tmp_path / "kept.json", tmp_path / "my.key"
    kept.write_text("what somebody needs")
    assert in_process("policy", "keygen", str(key)).code == 0
    pem = key.read_bytes()
    home = () if "sign" in writer else ("--home", str(tmp_path / "none"))
    refused = in_process(*writer, "--out", str(kept), *home)
    assert refused.code == 4 and "--force" in refused.err
    assert kept.read_text() == "what somebody needs"
    for forced in ((), ("--force",)):
        refused = in_process(*writer, "--out", str(key), *home, *forced)
        assert refused.code == 4 and "is a private key, which is never overwritten" in refused.err
        assert key.read_bytes() == pem
    refused = in_process(*writer, "--out", str(tmp_path / "no" / "file"), *home)
    assert refused.code == 3 and "There is no folder" in refused.err
    assert in_process(*writer, "--out", str(tmp_path), *home, "--force").code == 4, "a folder"
    passed = in_process(*writer, "--out", str(kept), *home, "--force")
    assert passed.code == 3 and "--force" not in passed.err, "only then it looks for the home, or the request"


def test_force_replaces_and_a_key_is_never_made_over_another(tmp_path: Path) -> None:
    kept, key = tmp_path / "kept", tmp_path / "my.key"
    kept.write_text("old")
    assert may_write(kept, force=True) == kept and may_write(tmp_path / "new", force=False)
    assert in_process("policy", "keygen", str(key)).code == 0
    pem = key.read_bytes()
    assert in_process("policy", "keygen", str(key)).code == 4
    dangling = tmp_path / "link.key"
    dangling.symlink_to(tmp_path / "nowhere")
    assert in_process("policy", "keygen", str(dangling)).code == 4
    assert key.read_bytes() == pem and not (tmp_path / "nowhere").exists()
