"""Applying a catalog runs the examples of its contracts through the definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, make_home
from tieout.flows.apply_catalog import UnknownKind, check_catalog, stored_documents

CONTRACT = """
[[event]]
type = "api.call"
version = 2
effective_from = 2030-01-01T00:00:00Z
reach_days_max = 35
description = "One call."
[event.fields.tokens]
type = "integer"
use = "billing"
[[event.example]]
valid = true
event = '''{"source": "s", "id": "1",
 "type": "api.call", "subject": "k", "time": "%s", "data": {"tokens": 1}}'''
"""


def test_an_example_shows_a_shape_not_a_day(tmp_path: Path) -> None:
    """A version that takes effect later is shown by events of today; they need not wait for it."""
    for time in ("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z"):
        (tmp_path / "contract.toml").write_text(CONTRACT % time)
        assert check_catalog(tmp_path).problems == ()


def test_stored_documents_are_chosen_by_kind_and_key(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        everything = stored_documents(home)
        assert {each.key for each in stored_documents(home, kind="meter", key="tokens")} == {"tokens"}
        meters = stored_documents(home, kind="meter")
        assert meters and meters == tuple(each for each in everything if each.kind == "meter")
        assert stored_documents(home, key="nothing") == ()
        with pytest.raises(UnknownKind, match="metre"):
            stored_documents(home, kind="metre")
