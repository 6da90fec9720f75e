"""What is late for usage that does not add up is the difference of two whole windows, wherever events lie."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.compact_log import compact_log
from tieout.flows.measure_usage import usage
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant


@pytest.mark.parametrize(
    ("story", "late"),
    [("peak_seats_max", (2, "1")), ("active_users_unique", (3, "2")), ("late_after_the_seal", (2, "7.5"))],
)
def test_it_is_the_same_once_the_sealed_events_are_in_segments(
    tmp_path: Path, story: str, late: tuple[int, str]
) -> None:
    told = tomllib.loads((HERE / story / "scenario.toml").read_text())
    stage = set_stage(tmp_path / "home", now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, HERE / story / "catalog")
        for step in told["step"]:
            play_step(Playing(stage, HERE / story, {}), step)
            compact_log(stage.home, rows_min=1)
        report = usage(stage.home, CustomerId("harbor"), at=None)
        assert [(row.event_count, str(row.quantity)) for row in report.late] == [late]
