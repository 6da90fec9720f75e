"""A small home with rules, and a look at them in a process of its own that a test may kill."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.small_home import ingest, make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.look_at_rules import look_to_head
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import Home, open_home

NOW = parse_instant("2026-01-20T12:00:00Z")
ALERT = """
[[alert]]
key = "tokens"
version = {version}
effective_from = 2026-01-01T00:00:00Z
name = "Many tokens"
everyone = true
watch = "usage"
meter = "tokens"
at = ["300", "500"]
rearm = "{rearm}"
{more}
"""
HOLD = """
[[charge_control]]
key = "stop"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Stop"
customers = ["acme"]
watch = "usage"
meter = "tokens"
at = ["400"]
rearm = "below"
action = "hold"
ends = "below"
"""


def ruled_home(folder: Path, rules: str, *, now: Instant = NOW) -> tuple[Home, SteppedClock]:
    home, clock = make_home(folder, now=now)
    apply_rules(home, rules)
    return home, clock


def apply_rules(home: Home, rules: str) -> None:
    folder = home.folder / "rules"
    folder.mkdir(exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.toml").write_text(rules)
    apply_catalog(home, folder)


def send(home: Home, clock: SteppedClock, *events: dict[str, object]) -> None:
    """One batch, a second later."""
    clock.set_to(Instant(clock.now() + 1_000_000))
    ingest(home, events, f"{home.log.head()}.ndjson")


def main() -> None:
    with open_home(Path(sys.argv[1]), clock=SteppedClock(Instant(int(sys.argv[2])))) as home:
        look_to_head(home, everyone=sys.argv[3] == "everyone")


if __name__ == "__main__":
    main()
