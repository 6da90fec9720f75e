"""Entitlements over HTTP: an open loop of so many requests a second, each about another customer, while
events arrive at a steady pace. The whole of `tieout serve`, with all that runs beside it, is bound to one
core; the client has the others.

A request's time begins when it was due, not when a connection was free to send it: a server that falls behind
is seen to. `python -m bench.entitlements` builds the home of the close once, and works on a copy.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from bench import served
from bench.close import SIZES
from bench.close_home import build_due
from bench.entitled_home import with_features
from bench.live import ROOT, Row, customer_key, event_line, part, wait_until_built
from bench.scale import copied
from bench.served import Address
from tieout.flows.api_keys import create_api_key
from tieout.wiring import open_home

PER_SECOND, SECONDS, WARM_SECONDS = 1_000, 30, 5
CONNECTIONS = 64
SENT_PER_SECOND, SENT_EVENTS = 10, 100
P99_SECONDS_MAX = 0.020
STEP = 7_919
"""Prime: customers one after another lie far apart, and come back only when all were asked for."""


@dataclass(slots=True)
class Played:
    """Seconds from when each request was due to its whole answer; what was answered otherwise than by 200."""

    taken: list[float] = field(default_factory=list)
    refused: int = 0
    sent: int = 0


async def play(address: Address, token: str, *, customers: int, seconds: int) -> Played:
    """Requests are due at a steady pace, whatever became of those before."""
    port = address.port
    played = Played()
    due: deque[tuple[float, bytes]] = deque()
    arrived = asyncio.Condition()
    ended = False

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            async with arrived:
                while not due:
                    if ended:
                        writer.close()
                        return
                    await arrived.wait()
                at, request = due.popleft()
            writer.write(request)
            status = await _answered(reader)
            played.taken.append(time.perf_counter() - at)
            played.refused += status != b"200"

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    pushing = asyncio.create_task(_send(port, address.token, played, customers, seconds))
    begin = time.perf_counter() + 0.1
    for number in range(PER_SECOND * seconds):
        at = begin + number / PER_SECOND
        if (wait := at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        async with arrived:
            due.append((at, _request(token, customer_key(number * STEP % customers))))
            arrived.notify()
    async with arrived:
        ended = True
        arrived.notify_all()
    await asyncio.gather(*workers, pushing)
    return played


async def _send(port: int, token: str, played: Played, customers: int, seconds: int) -> None:
    """Batches of events, one after another at a steady pace."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begin = time.perf_counter()
    for number in range(SENT_PER_SECOND * seconds):
        if (wait := begin + number / SENT_PER_SECOND - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        body = b"".join(event_line(number, place, SENT_EVENTS, customers) for place in range(SENT_EVENTS))
        head = (
            f"POST /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/x-ndjson\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        assert await _answered(reader) == b"200", "events are taken"
        played.sent += SENT_EVENTS
    writer.close()


async def _answered(reader: asyncio.StreamReader) -> bytes:
    """The status of an answer that is read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return head[9:12]


def _request(token: str, customer: str) -> bytes:
    line = f"GET /v1/entitlements/{customer} HTTP/1.1\r\nhost: localhost\r\n"
    return f"{line}authorization: Bearer {token}\r\n\r\n".encode()


def measure(
    built_in: Path, *, events: int, customers: int, workers: int, seconds: int = SECONDS
) -> list[Row]:
    """The rows; what is done is done to a copy of the home in `built_in`."""
    build_due(built_in, events=events, customers=customers, workers=workers)
    beside = built_in.with_name(f"{built_in.name}-entitled")
    folder = copied(built_in, beside)
    with open_home(folder) as home:
        with_features(home, beside)
        _, token = create_api_key(home, name="bench", role="product", sources=())
    cores = os.sched_getaffinity(0)
    gc.collect()
    gc.disable()  # a pause of the client would be told as the server's
    try:
        os.sched_setaffinity(0, {min(cores)})  # inherited by all that `serve` starts
        with served.existing(folder, 1) as address:
            os.sched_setaffinity(0, cores - {min(cores)} or cores)
            wait_until_built(folder, customers)
            asyncio.run(play(address, token, customers=customers, seconds=WARM_SECONDS))
            worked = _cpu_seconds(address.pid)
            played = asyncio.run(play(address, token, customers=customers, seconds=seconds))
            worked = _cpu_seconds(address.pid) - worked
    finally:
        os.sched_setaffinity(0, cores)
        shutil.rmtree(beside)
    assert not played.refused, "every question is answered"
    ordered = sorted(played.taken)
    millions = f"{events // 1_000_000}m"
    values = (
        ("entitlements_per_second", round(len(ordered) / seconds), "/s"),
        ("entitlements_p50", round(1_000 * part(ordered, 0.5), 2), "ms"),
        ("entitlements_p99", round(1_000 * part(ordered, 0.99), 2), "ms"),
        ("entitlements_worst", round(1_000 * ordered[-1], 2), "ms"),
        ("entitlements_cpu", round(1_000 * worked / len(ordered), 3), "ms"),
        ("entitlements_events_sent", round(played.sent / seconds), "events/s"),
    )
    return [{"name": f"{name}_{millions}", "value": value, "unit": unit} for name, value, unit in values]


def _cpu_seconds(pid: int) -> float:
    """Of the server and all that it started and that lives."""
    found, total = [pid], 0
    while found:
        one = found.pop()
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(") ", 1)[1].split()
            found += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:  # it ended meanwhile
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def floors_told(rows: list[Row]) -> list[str]:
    told = []
    for row in rows:
        if str(row["name"]).startswith("entitlements_p99"):
            reached = "reached" if float(row["value"]) <= P99_SECONDS_MAX * 1_000 else "NOT reached"
            most = f"at {PER_SECOND:,} requests/s on one core, at most {P99_SECONDS_MAX * 1_000:g} ms"
            told.append(f"{row['name']}, {most}: {reached}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.entitlements", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="10m")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that build")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".bench", help="where the home is built, and stays"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "bench-entitlements.json")
    asked = parser.parse_args()
    events, customers, _, _ = SIZES[asked.size]
    rows = measure(
        asked.folder.resolve() / f"close-{asked.size}",
        events=events,
        customers=customers,
        workers=asked.workers,
        seconds=asked.seconds,
    )
    asked.output.write_text(json.dumps(rows, indent=2) + "\n")
    print(json.dumps(rows, indent=2))
    print("\n".join(floors_told(rows)))


if __name__ == "__main__":
    main()
