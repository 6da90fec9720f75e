"""How much slower a log gets as it grows: `make bench-scale` measures at 1, 10 and 100 million identities.

The log is built by `bench.build` (and kept: the next size goes on from it, and so does the next run). What is
measured is done to a copy, whose segments and runs are the same files. At each size: a file with 5 %
duplicates from all over the log is ingested and compacted; then the log takes events until it is killed with
kill -9, and a new process opens it and has a batch accepted. Each measurement is a process of its own, whose
peak memory is read as well. Last, the log is served, with its keeper beside it, and takes a million events
over HTTP.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import http, served
from bench.build import BUILT_AT, ROOT, STEP_MICROSECONDS, Built, build, open_at, settled_bytes
from bench.event_blocks import block
from bench.memory import peak_bytes
from tieout.flows.compact_log import compact_log
from tieout.flows.ingest_file import ingest_file
from tieout.kernel.instant import Instant
from tieout.wiring import SteppedClock, open_home

Row = dict[str, str | int | float]
SIZES = (1_000_000, 10_000_000, 100_000_000)
MEASURED = 2_000_000
DUPLICATES_ONE_IN = 20
FLOOR_AT_LARGEST = 210_000
HTTP_FLOOR_AT_LARGEST = 140_000
HTTP_EVENTS = 1_000_000
HTTP_PER_REQUEST, HTTP_CONNECTIONS = 1_000, 32
BYTES_MAX = 90
RECOVERY_SECONDS_MAX = 10
KILLED_AFTER_SECONDS = 3.0
_OTHER_SEED = 7_000


def copied(built_in: Path, folder: Path) -> Path:
    """A home that may be changed: databases are copied, immutable files are linked."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted((built_in / "home").rglob("*")):
        target = folder / "home" / path.relative_to(built_in / "home")
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".parquet", ".run"):
            target.hardlink_to(path)
        else:
            shutil.copy2(path, target)
    return folder / "home"


def write_events(path: Path, built: Built, events: int, *, seed: int) -> int:
    """New events, and one in twenty that the log already holds, wherever; returns how many of those."""
    chance = np.random.default_rng([seed, 1])
    blocks = max(1, -(-events // built.rows))
    repeated = 0
    with path.open("wb") as file:
        for number in range(blocks):
            rows = min(built.rows, events - number * built.rows)
            lines = block(number, blocks=blocks, seed=seed, rows=rows)
            places = np.flatnonzero(chance.random(rows) < 1 / DUPLICATES_ONE_IN)
            for part in np.array_split(places, 5):
                old = block(int(chance.integers(built.done)), blocks=built.planned, seed=built.seed)
                lines[part] = old[chance.choice(len(old), len(part), replace=False)]
            repeated += len(places)
            file.write(lines.tobytes())
    return repeated


def measured_ingest(home_folder: Path, file: Path, *, workers: int, steps: int) -> dict[str, float]:
    """In a process of its own: the file into the home, then compaction."""
    clock = SteppedClock(Instant(BUILT_AT + steps * STEP_MICROSECONDS))
    with open_home(home_folder, clock=clock) as home:
        begin = time.perf_counter()
        report = ingest_file(home, file, format="ndjson", workers=workers)
        seconds = time.perf_counter() - begin
        peak = peak_bytes()
        begin = time.perf_counter()
        compact_log(home)
        compacting = time.perf_counter() - begin
        clock.set_to(Instant(clock.now() + STEP_MICROSECONDS))
        stored = settled_bytes(home)
        accepted = sum(tally.items for tally in home.log.tallies() if tally.verdict == 0)
    return {
        "events": report.received,
        "duplicates": report.duplicate,
        "seconds": seconds,
        "compacting": compacting,
        "peak": peak,
        "stored": stored / accepted,
    }


def measured_recovery(home_folder: Path, file: Path, *, steps: int) -> dict[str, float]:
    """In a process of its own: from nothing to the first accepted batch of a log that was killed."""
    begin = time.perf_counter()
    with open_home(home_folder, clock=SteppedClock(Instant(BUILT_AT + steps * STEP_MICROSECONDS))) as home:
        report = ingest_file(home, file, format="ndjson")
        seconds = time.perf_counter() - begin
    assert report.accepted, "the first batch was accepted"
    return {"seconds": seconds, "peak": peak_bytes()}


def measure(folder: Path, built: Built, *, size: int, events: int, workers: int) -> list[Row]:
    """The rows of one size; everything that is made for it is removed again."""
    beside = folder.with_name(f"{folder.name}-copy")
    home = copied(folder, beside)
    file, more, few = (beside / name for name in ("measured.ndjson", "more.ndjson", "few.ndjson"))
    repeated = write_events(file, built, events, seed=_OTHER_SEED)
    write_events(more, built, events, seed=_OTHER_SEED + 1)
    write_events(few, built, 1_000, seed=_OTHER_SEED + 2)
    os.sync()
    steps = built.done + 10
    told = _in_process("ingest", home, file, workers=workers, steps=steps)
    assert told["duplicates"] == repeated, "every duplicate is found, and nothing else is one"
    _killed(home, more, workers=workers, steps=steps + 2)
    recovered = _in_process("recovery", home, few, workers=1, steps=steps + 3)
    over_http = beside / "http.ndjson"
    write_events(over_http, built, min(HTTP_EVENTS, events), seed=_OTHER_SEED + 3)
    with served.existing(home, workers) as address:
        load = http.send_file(address, over_http, per_request=HTTP_PER_REQUEST, connections=HTTP_CONNECTIONS)
        started = address.start_seconds
    shutil.rmtree(beside)
    millions = f"{size / 1_000_000:g}m"
    values: tuple[tuple[str, float, str], ...] = (
        ("scale_ingest", round(told["events"] / told["seconds"]), "events/s"),
        (
            "scale_ingest_and_compact",
            round(told["events"] / (told["seconds"] + told["compacting"])),
            "events/s",
        ),
        ("scale_http_1000", round(load.events / load.seconds), "events/s"),
        ("scale_serve_start", round(started, 2), "s"),
        ("scale_stored", round(told["stored"], 1), "bytes/event"),
        ("scale_recovery", round(recovered["seconds"], 2), "s"),
        ("scale_peak_memory", round(told["peak"] / 2**20), "MiB"),
    )
    return [{"name": f"{name}_{millions}", "value": value, "unit": unit} for name, value, unit in values]


def _in_process(what: str, home: Path, file: Path, *, workers: int, steps: int) -> dict[str, float]:
    finished = subprocess.run(
        _command(what, home, file, workers=workers, steps=steps),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise SystemExit(f"{what} failed with exit code {finished.returncode}; its message stands above")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def _killed(home: Path, file: Path, *, workers: int, steps: int) -> None:
    """kill -9 while it ingests, and everything that it has started with it."""
    command = _command("ingest", home, file, workers=workers, steps=steps)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(KILLED_AFTER_SECONDS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _command(what: str, home: Path, file: Path, *, workers: int, steps: int) -> list[str]:
    numbers = {"--workers": workers, "--steps": steps}
    command = [
        sys.executable,
        "-m",
        "bench.scale",
        "--measure",
        what,
        "--home",
        str(home),
        "--file",
        str(file),
    ]
    return command + [part for name, number in numbers.items() for part in (name, str(number))]


def compare(rows: list[Row]) -> list[Row]:
    """Each size beside the smallest, as a peer: the ratio says how much is left."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(str(row["name"]).rsplit("_", 1)[0], row)
    compared: list[Row] = []
    for row in rows:
        base = first[str(row["name"]).rsplit("_", 1)[0]]
        if base is row:
            compared.append(row)
            continue
        peer = {"peer": base["name"], "peer_value": base["value"]}
        compared.append(row | peer | {"ratio": round(float(row["value"]) / float(base["value"]), 2)})
    return compared


def show(rows: list[Row]) -> None:
    table = Table(title="the same work at growing sizes, 5 % duplicates")
    for column in ("what", "value", "unit", "to the smallest"):
        table.add_column(column, justify="left" if column in ("what", "unit") else "right")
    for row in rows:
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        table.add_row(str(row["name"]), f"{row['value']:,}", str(row["unit"]), ratio)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print("\n".join(floors_told(rows)))


def floors_told(rows: list[Row]) -> list[str]:
    """For each number that was to be reached, and was measured, whether it was."""
    floors = (
        ("scale_ingest_100m", FLOOR_AT_LARGEST, True),
        ("scale_http_1000_100m", HTTP_FLOOR_AT_LARGEST, True),
        ("scale_stored_100m", BYTES_MAX, False),
        ("scale_recovery_100m", RECOVERY_SECONDS_MAX, False),
    )
    values = {str(row["name"]): float(row["value"]) for row in rows}
    told = []
    for name, floor, at_least in floors:
        if name in values:
            reached = values[name] >= floor if at_least else values[name] <= floor
            word = "at least" if at_least else "at most"
            told.append(f"{name}, {word} {floor:,}: {'reached' if reached else 'NOT reached'}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="events in the log")
    parser.add_argument("--measured", type=int, default=MEASURED, help="events ingested at each size")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that decode")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench" / "log", help="where the log is built")
    parser.add_argument("--output", type=Path, default=ROOT / "bench-scale.json")
    parser.add_argument("--measure", choices=("ingest", "recovery"), help=argparse.SUPPRESS)
    for name in ("--home", "--file"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure == "ingest":
        told = measured_ingest(asked.home, asked.file, workers=asked.workers, steps=asked.steps)
        print(json.dumps(told))
        return
    if asked.measure == "recovery":
        print(json.dumps(measured_recovery(asked.home, asked.file, steps=asked.steps)))
        return
    rows = compare(
        measure_sizes(asked.folder.resolve(), asked.sizes, events=asked.measured, workers=asked.workers)
    )
    asked.output.write_text(json.dumps(rows, indent=2) + "\n")
    show(rows)


def measure_sizes(folder: Path, sizes: Sequence[int], *, events: int, workers: int) -> list[Row]:
    """The rows of each size; the log in `folder` grows from one to the next, and stays for the next time."""
    rows: list[Row] = []
    for size in sorted(sizes):
        built = build(folder, size, workers=workers)
        if built.events > 1.5 * size:
            print(f"{folder} holds {built.events:,} events: {size:,} is passed over", file=sys.stderr)
            continue
        with open_at(folder, built, later=1) as home:
            compact_log(home)
        rows += measure(folder, built, size=size, events=events, workers=workers)
        print(f"measured at {built.events:,} events", file=sys.stderr)
    return rows


if __name__ == "__main__":
    main()
