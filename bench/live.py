"""Live usage: how fast one customer's is answered, what a look at the rules costs, and how soon what was
acknowledged is seen.

The home is the one that the close is measured with. First everything is built from the log, then unique
customers are asked one after another; then batches are written and looked at one by one, under a rule that is
for everybody; last the home is served, batches are sent over HTTP at a steady pace while its follower folds
them, and each batch's time to be seen is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path

import httpx

from bench import served
from bench.close import SIZES
from bench.close_home import build_due
from bench.memory import peak_bytes
from bench.scale import copied
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.follow_usage import UsageFollower
from tieout.flows.ingest_file import ingest_file
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.look_figures import LookFigures
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.wiring import SteppedClock, open_home

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, str | int | float]
INSIDE = parse_instant("2026-01-31T12:00:00Z")
LOOKUPS, LOOKS = 5_000, 100
ALERT = """
[[alert]]
key = "many-tokens"
version = 1
effective_from = 2026-02-01T00:00:00Z
name = "Many tokens"
everyone = true
watch = "usage"
meter = "tokens"
at = ["1000000"]
rearm = "period"
"""
BATCHES, BATCH_EVENTS, PAUSE_SECONDS = 100, 200, 0.05
LOOKUP_P99_SECONDS_MAX, SEEN_P99_SECONDS_MAX = 0.050, 1.0


def build_seconds(folder: Path) -> float:
    """From nothing kept to every customer's requests."""
    with open_home(folder, clock=SteppedClock(INSIDE)) as home:
        begin = time.perf_counter()
        follower = UsageFollower(home)
        while follower.step() or not follower.is_settled:
            pass
        return time.perf_counter() - begin


def lookup_seconds(folder: Path, customers: int) -> list[float]:
    """Of customers that were not asked for before, sorted."""
    with open_home(folder, clock=SteppedClock(INSIDE)) as home:
        reader = LiveUsageReader(home)
        reader.usage(CustomerId("c-00000"))  # the catalog is read once in the life of a process
        taken = []
        for number in range(1, min(customers, LOOKUPS)):
            begin = time.perf_counter()
            live = reader.usage(CustomerId(f"c-{number * 7919 % customers:05}"))
            taken.append(time.perf_counter() - begin)
            assert live.kept, "the follower has built it"
    return sorted(taken)


def look_seconds(folder: Path, customers: int) -> tuple[float, list[float]]:
    """The first look, which reads everybody; then looks at one batch each, sorted."""
    with open_home(folder) as home:
        rules = folder / "bench-alert.toml"
        rules.write_text(ALERT)
        apply_catalog(home, rules)
        figures = LookFigures(home)
        begin = time.perf_counter()
        look_to_head(home, figures=figures)
        first, taken = time.perf_counter() - begin, []
        batch = folder / "bench-batch.ndjson"
        for number in range(LOOKS):
            lines = (event_line(number, place, BATCH_EVENTS, customers) for place in range(BATCH_EVENTS))
            batch.write_bytes(b"".join(lines))
            ingest_file(home, batch)
            begin = time.perf_counter()
            look_to_head(home, everyone=False, figures=figures)
            taken.append(time.perf_counter() - begin)
    return first, sorted(taken)


def seen_seconds(folder: Path, customers: int, workers: int) -> list[float]:
    """From the receipt of a batch to an answer that stands at it, sorted."""
    with open_home(folder) as home:
        _, token = create_api_key(home, name="bench", role="finance", sources=())
    taken = []
    with served.existing(folder, workers) as address, httpx.Client(timeout=60) as client:
        url = f"http://127.0.0.1:{address.port}/v1"
        reading = {"authorization": f"Bearer {token}"}
        sending = {"authorization": f"Bearer {address.token}", "content-type": "application/x-ndjson"}
        client.get(f"{url}/usage?customer=c-00000", headers=reading)
        wait_until_built(folder, customers)
        for number in range(BATCHES):
            lines = (event_line(number, place, BATCH_EVENTS, customers) for place in range(BATCH_EVENTS))
            body = b"".join(lines)
            batch = client.post(f"{url}/events", headers=sending, content=body).json()["batch"]
            begin = time.perf_counter()
            while client.get(f"{url}/usage?customer=c-00000", headers=reading).json()["watermark"] < batch:
                time.sleep(0.002)
            taken.append(time.perf_counter() - begin)
            time.sleep(PAUSE_SECONDS)
    return sorted(taken)


def wait_until_built(folder: Path, customers: int) -> None:
    """The period is another one than that of the lookups: its requests are counted first."""
    with open_home(folder) as home:
        reader = LiveUsageReader(home)
        while not reader.usage(CustomerId(f"c-{customers - 1:05}")).kept:
            time.sleep(1)


def customer_key(number: int) -> str:
    return f"c-{number:05}"


def event_line(number: int, place: int, batch_events: int, customers: int) -> bytes:
    """One of the events of batch `number`, of now."""
    event = {
        "specversion": "1.0",
        "source": "gateway-1",
        "id": f"live-{number}-{place}-{time.time_ns()}",
        "type": "llm.request",
        "subject": f"customer-{(number * batch_events + place) % customers:05}",
        "time": format_instant(Instant(time.time_ns() // 1_000)),
        "data": {"model": "medium-8k", "input_tokens": 1200, "output_tokens": 80},
    }
    return json.dumps(event).encode() + b"\n"


def measure(built_in: Path, *, events: int, customers: int, workers: int) -> list[Row]:
    """The rows; what is done is done to a copy of the home in `built_in`."""
    build_due(built_in, events=events, customers=customers, workers=workers)
    beside = built_in.with_name(f"{built_in.name}-live")
    folder = copied(built_in, beside)
    millions = f"{events // 1_000_000}m"
    built = build_seconds(folder)
    peak = peak_bytes()
    lookups = lookup_seconds(folder, customers)
    first_look, looks = look_seconds(folder, customers)
    seen = seen_seconds(folder, customers, workers)
    shutil.rmtree(beside)
    values = (
        ("live_build", round(built, 1), "s"),
        ("live_build_memory", round(peak / 2**20), "MiB"),
        ("live_lookup_p50", round(1_000 * part(lookups, 0.5), 2), "ms"),
        ("live_lookup_p99", round(1_000 * part(lookups, 0.99), 2), "ms"),
        ("live_first_look", round(first_look, 2), "s"),
        ("live_look_p50", round(1_000 * part(looks, 0.5), 1), "ms"),
        ("live_look_p99", round(1_000 * part(looks, 0.99), 1), "ms"),
        ("live_seen_p50", round(1_000 * part(seen, 0.5), 1), "ms"),
        ("live_seen_p99", round(1_000 * part(seen, 0.99), 1), "ms"),
    )
    return [{"name": f"{name}_{millions}", "value": value, "unit": unit} for name, value, unit in values]


def floors_told(rows: list[Row]) -> list[str]:
    floors = (("live_lookup_p99", LOOKUP_P99_SECONDS_MAX), ("live_seen_p99", SEEN_P99_SECONDS_MAX))
    told = []
    for row in rows:
        for name, seconds in floors:
            if str(row["name"]).startswith(name):
                reached = "reached" if float(row["value"]) <= seconds * 1_000 else "NOT reached"
                told.append(f"{row['name']}, at most {seconds * 1_000:g} ms: {reached}")
    return told


def part(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="10m")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".bench", help="where the home is built, and stays"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "bench-live.json")
    asked = parser.parse_args()
    events, customers, _, _ = SIZES[asked.size]
    folder = asked.folder.resolve() / f"close-{asked.size}"
    rows = measure(folder, events=events, customers=customers, workers=asked.workers)
    asked.output.write_text(json.dumps(rows, indent=2) + "\n")
    print(json.dumps(rows, indent=2))
    print("\n".join(floors_told(rows)))


if __name__ == "__main__":
    main()
