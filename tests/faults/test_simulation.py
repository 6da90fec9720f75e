"""L16 from end to end: usage in any order, retries and kills at named points, and every crossing is recorded
once and told at least once under one id. The receivers and the server are processes of their own.

In full: `python -m tests.simulation --customers 10000`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness.effort import is_long
from tests.simulation.run import Simulation
from tests.simulation.scales import in_full, quick
from tests.simulation.traffic import STEADY


def test_every_crossing_is_recorded_once_and_told_at_least_once(tmp_path: Path) -> None:
    outcome = Simulation(tmp_path, quick(), print).run()
    assert outcome.findings == []
    assert outcome.counts["killed at points"], outcome.counts
    assert int(str(outcome.counts["crossed more than once"])) >= STEADY, outcome.counts


@pytest.mark.skipif(not is_long(), reason="ten thousand customers take a while")
def test_of_ten_thousand_customers(tmp_path: Path) -> None:
    outcome = Simulation(tmp_path, in_full(10_000, seed=1), print).run()
    assert outcome.findings == []
