"""Live usage: how fast one customer's is answered, and how soon what was acknowledged is seen.

The home is the one that the close is measured with. First everything is built from the log, then unique
customers are asked one after another; last the home is served, batches are sent over HTTP at a steady pace
while its follower folds them, and each batch's time to be seen is taken.
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
from bench.close_home import build_due
from bench.memory import peak_bytes
from bench.scale import copied
from tieout.flows.api_keys import create_api_key
from tieout.flows.follow_usage import UsageFollower
from tieout.flows.live_usage import LiveUsageReader
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.wiring import SteppedClock, open_home

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, str | int | float]
INSIDE = parse_instant("2026-01-31T12:00:00Z")
LOOKUPS = 5_000
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
            body = b"".join(event_line(number, place, BATCH_EVENTS) for place in range(BATCH_EVENTS))
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


def event_line(number: int, place: int, batch_events: int) -> bytes:
    """One of the events of batch `number`, of now."""
    event = {
        "specversion": "1.0",
        "source": "gateway-1",
        "id": f"live-{number}-{place}-{time.time_ns()}",
        "type": "llm.request",
        "subject": f"customer-{(number * batch_events + place) % 10_000:05}",
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
    seen = seen_seconds(folder, customers, workers)
    shutil.rmtree(beside)
    values = (
        ("live_build", round(built, 1), "s"),
        ("live_build_memory", round(peak / 2**20), "MiB"),
        ("live_lookup_p50", round(1_000 * part(lookups, 0.5), 2), "ms"),
        ("live_lookup_p99", round(1_000 * part(lookups, 0.99), 2), "ms"),
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
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench" / "close-10m")
    asked = parser.parse_args()
    rows = measure(
        asked.folder.resolve(), events=asked.events, customers=asked.customers, workers=asked.workers
    )
    print(json.dumps(rows, indent=2))
    print("\n".join(floors_told(rows)))


if __name__ == "__main__":
    main()
