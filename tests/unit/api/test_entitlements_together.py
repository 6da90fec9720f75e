"""Entitlements are answered together; what one look-up dies of is told to who asked, and to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.own_home import own_home
from tieout.api.entitlements import Entitled
from tieout.flows.entitlements import EntitlementReader
from tieout.kernel.ids import CustomerId

ASKED = ("acme", "birch", "cedar")


def outcomes(folder: Path) -> list[object]:
    home, _ = own_home(folder / "home")

    async def ask() -> list[object]:
        entitled = Entitled(home)
        asked = (entitled.answer(CustomerId(each), None) for each in ASKED)
        return list(await asyncio.gather(*asked, return_exceptions=True))

    with home:
        return asyncio.run(ask())


def test_a_failure_that_nobody_foresaw_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = EntitlementReader._plan

    def dies(self: EntitlementReader, customer: CustomerId, now: int) -> object:
        assert customer != "birch", "damaged"
        return plan(self, customer, now)  # type: ignore[arg-type]

    monkeypatch.setattr(EntitlementReader, "_plan", dies)
    first, second, third = outcomes(tmp_path)
    assert isinstance(second, AssertionError)
    assert not isinstance(first, AssertionError) and not isinstance(third, AssertionError)
    assert isinstance(first, bytes)
