"""A story played to its end, for tests that look at what it left."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.scenarios.frame import HERE, Playing, Told, play_step
from tests.scenarios.steps_policy import sign_first
from tieout.cli.demo.stage import Stage, set_stage
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.shipped_programs import add_program
from tieout.kernel.instant import parse_instant


def begun(story: Path, folder: Path) -> Playing:
    """The stage with its policy, programs and catalog; no step is played."""
    told: Told = tomllib.loads((story / "scenario.toml").read_text())
    stage = set_stage(folder / "home", now=parse_instant(told["starts_at"]))
    sign_first(stage, story, told)
    for program in told.get("programs", []):
        add_program(stage.home, program)
    apply_catalog(stage.home, story / "catalog")
    return Playing(stage, story, told)


def played(name: str, folder: Path) -> Stage:
    playing = begun(HERE / name, folder)
    for step in playing.told["step"]:
        play_step(playing, step)
    return playing.stage
