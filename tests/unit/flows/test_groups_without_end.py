"""An account whose usage falls into more groups than a snapshot may have parks, and says what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.close.outcome import Parked
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.kernel import limits
from tieout.kernel.instant import parse_instant


def test_it_parks_and_is_sealed_once_the_cause_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = HERE / "bytes_billed_in_gigabytes"
    told = tomllib.loads((folder / "scenario.toml").read_text())
    stage = set_stage(tmp_path / "home", now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, folder / "catalog")
        play_step(Playing(stage, folder, {}), told["step"][0])
        as_of = parse_instant("2026-02-02T06:00:00Z")
        stage.clock.set_to(as_of)
        monkeypatch.setattr(limits, "GROUPS_PER_SNAPSHOT_MAX", 1)
        ((_, _, outcome),) = close(stage.home, as_of=as_of).outcomes
        assert isinstance(outcome, Parked)
        assert "falls into more than 1 groups; nothing was rated" in outcome.reason
        monkeypatch.undo()
        assert [row.total for row in close(stage.home, as_of=as_of).invoices] != []
