"""Live usage, looks at rules and entitlements on both databases: the law of L8 holds on either, and both tell
the same. What live usage keeps lies in a file of the machine, whatever holds log and books.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.laws.test_l8_live_usage import BEFORE_AND_AFTER, MOVED, NOW, Played
from tests.laws.test_l8_looks import ALERT, METERS, Compared
from tieout.flows import fold_batch, standing_plan
from tieout.flows.entitlements import EntitlementReader
from tieout.flows.entitlements_document import entitlements_document
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.triggers import place_hold, release_hold
from tieout.flows.usage_document import usage_document
from tieout.gateways.clock import SteppedClock
from tieout.gateways.entropy import SystemEntropy
from tieout.kernel.ids import CustomerId
from tieout.wiring import open_home

ACME = CustomerId("acme")
PLAN = """
[[plan]]
key = "basic"
version = 2
effective_from = 2026-01-01T00:00:00Z
name = "Basic"
currency = "USD"
prices = ["fee-usd", "calls-usd", "tokens-usd", "stored-usd"]
feature = [
  { key = "chat", meter = "calls", limit = "3", kind = "hard" },
  { key = "people", meter = "unique", limit = "10", kind = "soft" },
  { key = "search" },
]
"""
STEPS = [*BEFORE_AND_AFTER, "look", "lose", "follow", *MOVED, "compact", "restart", "many", "look", "follow"]


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fold_batch, "ROWS_ONE_BY_ONE", 6)
    monkeypatch.setattr(standing_plan, "LOOK_NANOSECONDS", 0)
    yield


def told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is said after every step. Both homes get the same identity secret, which digests are keyed by."""
    counter = count()
    monkeypatch.setattr(SystemEntropy, "token", lambda _self, size: next(counter).to_bytes(size, "big"))
    found: list[object] = []
    played = Played(folder)
    with played.home:
        played.apply("".join(ALERT.format(meter=meter) for meter in METERS))
        played.apply(PLAN)
        figures = Compared(played.home)
        look_to_head(played.home, figures=figures)
        for step in STEPS:
            if step == "look":
                look_to_head(played.home, everyone=False, figures=figures)
            elif step == "restart":
                figures = Compared(played.home)
            else:
                played.play(step)
            if step == "follow":
                played.check()
            found.append(said(played))
        changes = played.home.books.triggers.changes_of(None)
        assert any(each.change.kind.value == "rearmed" for each in changes)
        found += changes
        held = place_hold(played.home, "acme", features=["chat"], person="Ada", reason="unpaid")
        found.append(said(played))
        release_hold(played.home, held.hold.id, person="Ada", reason="paid")
        found.append(said(played))
    with open_home(folder, clock=SteppedClock(NOW)) as again:
        played.home = again
        look_to_head(again)
        played.check()
        found.append(said(played))
    return found


def said(played: Played) -> object:
    usage = usage_document(LiveUsageReader(played.home).usage(ACME))
    entitled = entitlements_document(EntitlementReader(played.home).entitlements(ACME))
    return usage, entitled


def test_both_databases_tell_the_same(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite", monkeypatch)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    on_postgres = told(tmp_path / "postgres", monkeypatch)
    monkeypatch.delenv("TIEOUT_DATABASE_URL")
    assert len(on_sqlite) == len(on_postgres)
    for ours, theirs in zip(on_sqlite, on_postgres, strict=True):
        assert ours == theirs
