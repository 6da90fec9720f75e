"""Usage for which a matrix has no price parks its account, and says which usage; the others are sealed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.scenarios.frame import HERE
from tests.scenarios.steps_policy import POLICY
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.close.outcome import Parked, Sealed
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.ingest_file import ingest_file
from tieout.kernel.instant import parse_instant

STARTS_AT = "2026-01-02T00:00:00Z"
OTHERWISE = 'otherwise = { shape = "package", amount = "1.00", size = "10000" }\n'
BOB = """
[[customer]]
key = "bob"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Bob & Sons"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["2 Lane"]

[[subscription]]
key = "bob"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "bob"

[[subscription.phase]]
plan = "plan"
from = 2026-03-01T00:00:00Z

[[subject]]
subject = "bob-key"
customer = "bob"
from = 2026-01-01T00:00:00Z
"""


def test_an_account_with_unpriced_usage_parks_alone(tmp_path: Path) -> None:
    text = (HERE / "shape_matrix" / "catalog" / "catalog.toml").read_text()
    assert OTHERWISE in text
    (tmp_path / "catalog.toml").write_text(text.replace(OTHERWISE, "") + BOB)
    event = {
        "specversion": "1.0",
        "id": "bob-1",
        "source": "api",
        "type": "usage",
        "subject": "bob-key",
        "time": "2026-03-03T12:00:00Z",
        "data": {"units": "1000", "model": "large"},
    }
    (tmp_path / "bob.ndjson").write_text(json.dumps(event) + "\n")
    stage = set_stage(tmp_path / "home", now=parse_instant(STARTS_AT))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=STARTS_AT))
        apply_catalog(stage.home, tmp_path / "catalog.toml")
        stage.clock.set_to(parse_instant("2026-04-01T06:00:00Z"))
        for file in (HERE / "shape_matrix" / "events" / "march.ndjson", tmp_path / "bob.ndjson"):
            ingest_file(stage.home, file, format=None, source=None)
        at = parse_instant("2026-04-03T00:00:00Z")
        stage.clock.set_to(at)
        outcomes = {customer: outcome for customer, _, outcome in close(stage.home, as_of=at).outcomes}
    ada = outcomes["ada"]
    assert isinstance(ada, Parked)
    assert "7,000 token with model small, region eu fit no cell" in ada.reason
    assert "give the price a cell for them, or an `otherwise`" in ada.reason
    assert isinstance(outcomes["bob"], Sealed)
