"""The small home with as many customers as a test wants, all in UTC, with two events each in January."""

from __future__ import annotations

import json
from pathlib import Path

from tests.small_home import CATALOG, CUSTOMER, FEBRUARY_3, SIGNED_AT, call, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.ingest_file import ingest_file
from tieout.gateways.clock import SteppedClock
from tieout.wiring import Home, create_home

EVENTS_EACH = 2


def names(customers: int) -> list[str]:
    return [f"n{number:05}" for number in range(customers)]


def make_home_of(folder: Path, customers: int) -> tuple[Home, SteppedClock]:
    """Its January is due; the clock stands at 3 February."""
    clock = SteppedClock(SIGNED_AT)
    home = create_home(folder, clock=clock)
    papers = folder / "papers"
    papers.mkdir()
    texts = [CUSTOMER.format(key=key, zone="UTC", start="2026-01-01T00:00:00Z") for key in names(customers)]
    (papers / "catalog").mkdir()
    (papers / "catalog" / "terms.toml").write_text(CATALOG)
    for first in range(0, customers, 1_000):
        (papers / "catalog" / f"from-{first:05}.toml").write_text("".join(texts[first : first + 1_000]))
    apply_catalog(home, papers / "catalog")
    sign_policy(home, papers)
    clock.set_to(FEBRUARY_3)
    lines = [
        json.dumps(call(place * 10 + number, key, f"2026-01-{10 + number}T12:00:00Z", gigabytes="1.5"))
        for place, key in enumerate(names(customers))
        for number in range(EVENTS_EACH)
    ]
    (folder / "events.ndjson").write_text("\n".join(lines) + "\n")
    ingest_file(home, folder / "events.ndjson", format=None, source=None)
    return home, clock
