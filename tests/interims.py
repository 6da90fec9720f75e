"""A home whose signed policy lets a customer be billed inside a month: 0.30 USD for each gigabyte, a line
for each region."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.scenarios.frame import Playing
from tests.scenarios.steps_policy import POLICY, sign
from tieout.cli.demo.stage import Stage, set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.ingest_file import ingest_file
from tieout.kernel.instant import parse_instant

CATALOG = """
[[event]]
type = "egress"
version = 1
effective_from = 2025-01-01T00:00:00Z
description = "Gigabytes sent."
[event.fields.gigabytes]
type = "decimal"
use = "billing"
[event.fields.region]
type = "string"
use = "context"

[[meter]]
key = "egress"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "All gigabytes sent."
owner = "edge"
event = "egress"
aggregation = "sum"
field = "gigabytes"
unit = "GB"
dimensions = ["region"]

[[price]]
key = "egress-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "egress"
currency = "USD"
description = "Data sent"
shape = "per_unit"
unit_amount = "0.30"
per = "1"
group_by = ["region"]

[[plan]]
key = "metered"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Metered"
currency = "USD"
cadence = "monthly"
prices = ["egress-usd"]

[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Us, Inc."
address = ["1 Main Street"]
number_series = "S"

[[customer]]
key = "harbor"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Harbor Films"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["2 Quay"]
terms_days = 30

[[subscription]]
key = "harbor"
version = 1
effective_from = 2025-12-01T00:00:00Z
customer = "harbor"
[[subscription.phase]]
plan = "metered"
from = 2026-01-01T00:00:00Z

[[subject]]
subject = "harbor"
customer = "harbor"
from = 2025-12-01T00:00:00Z
"""

RULE = """
[policy.off_cycle]
customers = ["harbor"]
exposure_over = { USD = "100.00" }
"""

Sent = tuple[str, str, str, str]
"""Id, time, gigabytes, region."""


def interim_home(folder: Path, *, more: str = "", rule: str = RULE, catalog: str = CATALOG) -> Stage:
    """`more` goes into the policy, before its rule."""
    stage = set_stage(folder / "home", now=parse_instant("2025-12-30T00:00:00Z"))
    sign_policy(stage, POLICY.format(effective_from="2025-12-30T00:00:00Z"))
    (folder / "catalog").mkdir()
    (folder / "catalog" / "catalog.toml").write_text(catalog)
    apply_catalog(stage.home, folder / "catalog")
    stage.clock.set_to(parse_instant("2025-12-30T06:00:00Z"))
    policy = POLICY.format(effective_from="2025-12-31T00:00:00Z").replace("version = 1", "version = 2")
    (folder / "rule.toml").write_text(policy + more + rule)
    sign(Playing(stage, folder, {}), {"sign": "rule.toml"})
    return stage


def send(stage: Stage, at: str, *sent: Sent) -> None:
    _ingest(stage, at, [_event(*each) for each in sent])


def close_at(stage: Stage, at: str, *, dry_run: bool = False) -> CloseReport:
    stage.clock.set_to(parse_instant(at))
    return close(stage.home, as_of=parse_instant(at), dry_run=dry_run)


def _event(name: str, time: str, gigabytes: str, region: str) -> dict[str, object]:
    attributes = {"specversion": "1.0", "id": name, "source": "edge", "type": "egress", "subject": "harbor"}
    return {**attributes, "time": time, "data": {"gigabytes": gigabytes, "region": region}}


def _ingest(stage: Stage, at: str, events: Iterable[dict[str, object]]) -> None:
    stage.clock.set_to(parse_instant(at))
    file = stage.folder / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    report = ingest_file(stage.home, file, format=None, source=None)
    assert report.accepted == report.received
