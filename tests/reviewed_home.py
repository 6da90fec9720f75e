"""The small home under a policy that lets drafts wait for people for three days."""

from __future__ import annotations

from pathlib import Path

from tests.small_home import CATALOG, CUSTOMER, POLICY, SIGNED_AT, ZONES, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import CloseReport, close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import Home, create_home

DRAFTED_AT = parse_instant("2026-02-03T00:00:00Z")
IN_THE_WINDOW = parse_instant("2026-02-05T00:00:00Z")
AFTER_THE_WINDOW = parse_instant("2026-02-06T00:00:00Z")
ACME = CustomerId("acme")


def make_reviewed_home(
    folder: Path, *, now: Instant = DRAFTED_AT, customers: tuple[str, ...] = ("acme",), policy: str = ""
) -> tuple[Home, SteppedClock]:
    """`policy`: more members of it."""
    clock = SteppedClock(SIGNED_AT)
    home = create_home(folder, clock=clock)
    papers = folder / "papers"
    papers.mkdir()
    profiles = [CUSTOMER.format(key=key, zone=ZONES[key][0], start=ZONES[key][1]) for key in customers]
    (papers / "catalog.toml").write_text(CATALOG + "".join(profiles))
    apply_catalog(home, papers / "catalog.toml")
    sign_policy(home, papers, f"{POLICY}review_hours = 72\n{policy}")
    clock.set_to(now)
    return home, clock


def close_at(home: Home, clock: SteppedClock, now: Instant) -> CloseReport:
    clock.set_to(now)
    return close(home, as_of=now)
