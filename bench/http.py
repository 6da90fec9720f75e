"""The rows of the benchmark over HTTP: batches of 1,000, of 100, single events; durable when acknowledged.

The generator is a process of its own on the same machine (`bench.load`), with many kept connections and
unique ids. Rounds are interleaved with the peer: the same HTTP stack and group commit over PostgreSQL.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import served
from bench.load import Load

ROOT = Path(__file__).resolve().parents[1]
OURS, PEER = "tieout", "postgresql"
WARM_UP_EVENTS = 2_000
Row = dict[str, str | int | float]
Server = Callable[[Path, int], AbstractContextManager[served.Address]]
SERVERS: dict[str, Server] = {OURS: served.tieout, PEER: served.postgresql}


@dataclass(frozen=True, slots=True)
class Shape:
    """How events are sent: so many in a request, over so many connections; a share of the events of a run."""

    name: str
    per_request: int
    connections: int
    share: int
    floor: int


SHAPES = (
    Shape("http_batch_1000", 1_000, 32, 1, 200_000),
    Shape("http_batch_100", 100, 96, 2, 150_000),
    Shape("http_single", 1, 512, 25, 4_000),
)


def measure(folder: Path, *, events: int, workers: int, rounds: int) -> list[Row]:
    """The rows of bench.json, and a line for each round on stderr."""
    loads: dict[tuple[str, str], list[Load]] = {}
    for number in range(1, rounds + 1):
        for shape in SHAPES:
            for name in SERVERS:
                count = max(shape.per_request, events // shape.share)
                load = play(name, shape, folder / name, events=count, workers=workers)
                loads.setdefault((shape.name, name), []).append(load)
                told = f"{shape.name} {name:<11}{load.events / load.seconds:>10,.0f} events/s"
                p50, p99 = load.p50_milliseconds, load.p99_milliseconds
                print(f"round {number} of {rounds}: {told}, p50 {p50} ms, p99 {p99} ms", file=sys.stderr)
    return [_row(shape, loads[shape.name, OURS], loads[shape.name, PEER]) for shape in SHAPES]


def play(name: str, shape: Shape, folder: Path, *, events: int, workers: int) -> Load:
    """One round: a server on an empty folder, a little to warm up, the load, and a look at what is stored."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    os.sync()
    home = folder / "home"
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    with SERVERS[name](home, workers) as address:
        _send(address, shape, WARM_UP_EVENTS, seed=1)
        load = _send(address, shape, events, seed=2)
    if name == OURS:
        stored, _ = served.stored_events(home)
        if stored != WARM_UP_EVENTS + load.events:
            raise SystemExit(f"{stored} events stored of {WARM_UP_EVENTS + load.events} acknowledged")
    shutil.rmtree(folder, ignore_errors=True)
    return load


def _send(address: served.Address, shape: Shape, events: int, *, seed: int) -> Load:
    command = [sys.executable, "-m", "bench.load", "--token", address.token]
    numbers = {
        "port": address.port,
        "events": events,
        "per-request": shape.per_request,
        "connections": shape.connections,
        "seed": seed,
    }
    command += [part for name, number in numbers.items() for part in (f"--{name}", str(number))]
    return loaded(command)


def send_file(address: served.Address, file: Path, *, per_request: int, connections: int) -> Load:
    """The file's lines, as the generator sends those it makes up."""
    command = [sys.executable, "-m", "bench.load", "--token", address.token, "--file", str(file)]
    numbers = {"port": address.port, "per-request": per_request, "connections": connections}
    return loaded(command + [part for name, number in numbers.items() for part in (f"--{name}", str(number))])


def loaded(command: list[str]) -> Load:
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"the generator failed with exit code {ended.returncode}")
    return Load(**json.loads(ended.stdout))


def _row(shape: Shape, ours: list[Load], peers: list[Load]) -> Row:
    value, peer = (round(median(one.events / one.seconds for one in loads)) for loads in (ours, peers))
    return {
        "name": shape.name,
        "value": value,
        "unit": "events/s",
        "peer": PEER,
        "peer_value": peer,
        "ratio": round(value / peer, 2),
    }


def floors_told(rows: list[Row]) -> list[str]:
    """For each row whether its floor on two cores was reached."""
    values = {str(row["name"]): float(row["value"]) for row in rows}
    return [
        f"floor of {shape.name}, {shape.floor:,} events/s: "
        f"{'reached' if values[shape.name] >= shape.floor else 'NOT reached'}"
        for shape in SHAPES
    ]
