"""Stories, played and then recorded, give the same lines again from their calls (L20): a few by default, all
of them with TIEOUT_TEST_LONG.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.replay_sets import ran
from tests.scenarios.frame import HERE
from tests.scenarios.play import played
from tieout.flows.record_replay_set import record

SAMPLE = ("credit_note_after_payment", "wallet_two_grants_expiry")
ALL = sorted(each.parent.name for each in HERE.glob("*/scenario.toml"))


@pytest.mark.parametrize("name", ALL if "TIEOUT_TEST_LONG" in os.environ else SAMPLE)
def test_a_recorded_story_gives_the_same_lines_again_or_says_what_it_left_out(
    name: str, tmp_path: Path
) -> None:
    stage = played(name, tmp_path)
    done = record(stage.home, tmp_path / "set", name=name.replace("_", "-"))
    run = ran(tmp_path / "set")
    assert done.face.recording is not None
    if not done.face.recording.left_out:
        assert (run.refused, run.misjudged, run.differences) == ((), (), ())
    assert run.result.compares or not run.result.passes_gate
