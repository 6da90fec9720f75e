"""A subject that moves to another customer after a seal does not take the sealed usage with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import CUSTOMER, FEBRUARY_3, MARCH_3, call, ingest, make_home
from tieout.close.outcome import Held, NotDue, Sealed
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.kernel.ids import CustomerId

GIVEN = """
[[subject]]
key = "shared"
version = 1
subject = "key-shared"
customer = "acme"
from = 2025-01-01T00:00:00Z
"""

MOVED = """
[[subject]]
key = "shared"
version = 2
subject = "key-shared"
customer = "acme"
from = 2025-01-01T00:00:00Z
until = {day}T00:00:00Z

[[subject]]
key = "shared-moved"
subject = "key-shared"
customer = "elm"
from = {day}T00:00:00Z
"""


@pytest.mark.parametrize(("day", "january_"), [("2026-01-15", Held), ("2026-02-01", Sealed)])
def test_sealed_usage_is_not_billed_to_the_next_customer(
    tmp_path: Path, day: str, january_: type[Held | Sealed]
) -> None:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    elm = CustomerId("elm")
    with home:
        (tmp_path / "given.toml").write_text(GIVEN)
        apply_catalog(home, tmp_path / "given.toml")
        ingest(home, [call(1, "shared", "2026-01-10T00:00:00Z"), call(2, "shared", "2026-01-18T00:00:00Z")])
        close(home, as_of=FEBRUARY_3)
        text = CUSTOMER.format(key="elm", zone="UTC", start="2026-01-01T00:00:00Z")
        (tmp_path / "moved.toml").write_text(text + MOVED.format(day=day))
        apply_catalog(home, tmp_path / "moved.toml")
        ((_, _, outcome),) = close(home, as_of=FEBRUARY_3, customers=(elm,)).outcomes
        assert isinstance(outcome, january_)
        if isinstance(outcome, Held):
            assert {found.expected for found in outcome.breaks} == {"each subject's usage billed once"}
            assert "subscription acme-main" in outcome.breaks[0].found
            assert "from the end of the sealed period on" in outcome.breaks[0].next_action
        clock.set_to(MARCH_3)
        close(home, as_of=MARCH_3)
        assert all(
            isinstance(kind, NotDue) for name, _, kind in close(home, as_of=MARCH_3).outcomes if name != "elm"
        )
        february = [kind for name, _, kind in close(home, as_of=MARCH_3).outcomes if name == "elm"]
        assert [type(kind) for kind in february] == ([Held] if january_ is Held else [NotDue])
