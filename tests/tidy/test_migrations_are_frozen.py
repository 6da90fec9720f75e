"""A migration that homes were made by is never edited: they would keep old tables under its number."""

from __future__ import annotations

import json
from hashlib import sha256

from tests.tidy.tree import ROOT

GOLDEN = ROOT / "tests" / "golden" / "migrations.json"
"""File -> SHA-256 of its text. A new migration adds its line; no line is changed."""


def test_no_migration_was_edited() -> None:
    found = {
        str(path.relative_to(ROOT)): sha256(path.read_bytes()).hexdigest()
        for path in sorted((ROOT / "src" / "tieout" / "store").glob("*/migrations/*_[0-9]*.py"))
    }
    assert len(found) >= 9
    assert found == json.loads(GOLDEN.read_text()), "write a new migration instead, and add it to the list"
