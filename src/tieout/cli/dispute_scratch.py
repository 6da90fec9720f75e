"""The scratch home in which disputes are rehearsed: the demo's customers, one closed month of a little
generated traffic, a key for packs, and owners with invented names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tieout.cli.demo.customers import customers_toml
from tieout.cli.demo.run_generated import CATALOG, MONTHS, STAGE_AT
from tieout.cli.demo.stage import Stage, copy_catalog, packaged_policy, set_stage, sign_policy
from tieout.cli.demo.traffic import write_traffic
from tieout.dispute.role import Role
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.dispute_owners import name_owners
from tieout.flows.ingest_file import ingest_file
from tieout.flows.keep_head import make_key
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.watch_pipeline import watch_to_head

EVENTS_COUNT: Final = 4_000
SEED: Final = 20_260_101
OPS: Final = "Chiara Russo"
ENGINEERING: Final = "Emil Sand"
FINANCE: Final = "Bram de Vries"


@contextmanager
def apart() -> Iterator[None]:
    """Nothing of the environment leads to another home's database, bucket or key while the block runs."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TIEOUT_")}
    try:
        yield
    finally:
        os.environ.update(kept)


def scratch_home(folder: Path) -> Stage:
    """January of 25 invented customers, sealed."""
    stage = set_stage(folder, now=STAGE_AT)
    home, clock = stage.home, stage.clock
    catalog = copy_catalog(folder, *(f"gateway/{name}" for name in CATALOG))
    (catalog / "customers.toml").write_text(customers_toml(), encoding="utf-8")
    apply_catalog(home, catalog)
    sign_policy(stage, packaged_policy("gateway.toml"))
    files = write_traffic(folder / "traffic", events_count=EVENTS_COUNT, seed=SEED)
    _, closes_at, numbers = MONTHS[0]
    for number in numbers:
        clock.set_to(files[number].received_at)
        ingest_file(home, files[number].path, format=None, source=None)
    clock.set_to(closes_at)
    watch_to_head(home)
    for alert in list_alerts(home):
        close_alert(home, alert.id, by=OPS, reason="a little traffic has rates of its own")
    close(home, as_of=closes_at)
    make_key(home)
    persons = {Role.OPS: [OPS], Role.ENGINEERING: [ENGINEERING], Role.FINANCE: [FINANCE]}
    name_owners(home, persons, {}, person=OPS, reason="a rehearsal")
    return stage
