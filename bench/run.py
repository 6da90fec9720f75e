"""`make bench`: three interleaved rounds of each contender over one file, medians, a table, bench.json; then
the same over HTTP, the time of a start, charges rated, and the log as it grows to 100 million events. What is
measured of live usage and of entitlements is measured by their own programs, alone: the client that times the
answers has a memory of its own.

Interleaved, because a machine is not equally fast all day: each contender meets the same minutes. Every
round is a process of its own on an empty folder of the same disk, after all earlier writes have reached it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import close, close_home, entitlements, evidence, http, live, rating, scale, start
from bench.contender import Outcome
from bench.events import EVENT_BYTES, write_events

ROOT = Path(__file__).resolve().parents[1]
OURS = "tieout"
CONTENDERS = {OURS: "bench.tieout_ingest", "postgresql": "bench.postgres", "clickhouse": "bench.clickhouse"}
ROUNDS = 3
SEED = 2026
BATCH_ROWS_MAX = 65_536
"""Rows PostgreSQL commits at a time until a round of Tieout has shown how many it commits."""
FLOOR_PER_SECOND = 300_000
FLOOR_TIMES_POSTGRESQL = 3

Row = dict[str, str | int | float]


def play(contender: str, file: Path, folder: Path, *, events: int, workers: int, batch_rows: int) -> Outcome:
    """One round of one contender, in a new process and an empty folder that is removed afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    os.sync()
    command = [sys.executable, "-m", CONTENDERS[contender], "--file", str(file), "--folder", str(folder)]
    numbers = {"--events": events, "--workers": workers, "--batch-rows": batch_rows}
    command += [part for name, number in numbers.items() for part in (name, str(number))]
    surroundings = os.environ | {"XDG_RUNTIME_DIR": str(folder)}
    finished = subprocess.run(
        command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True, check=False
    )
    shutil.rmtree(folder, ignore_errors=True)
    if finished.returncode:
        raise SystemExit(f"{contender} failed with exit code {finished.returncode}; its message stands above")
    return Outcome(**json.loads(finished.stdout.splitlines()[-1]))


def play_rounds(
    file: Path, folder: Path, *, events: int, workers: int, rounds: int
) -> dict[str, list[Outcome]]:
    """All rounds, interleaved. PostgreSQL commits as many rows at a time as Tieout was seen to."""
    outcomes: dict[str, list[Outcome]] = {contender: [] for contender in CONTENDERS}
    batch_rows = BATCH_ROWS_MAX
    for number in range(1, rounds + 1):
        for contender in CONTENDERS:
            outcome = play(
                contender, file, folder / contender, events=events, workers=workers, batch_rows=batch_rows
            )
            if contender == OURS:
                batch_rows = -(-outcome.events // max(1, outcome.commits))
            outcomes[contender].append(outcome)
            rate = outcome.events / outcome.seconds
            print(f"round {number} of {rounds}: {contender:<11}{rate:>10,.0f} events/s", file=sys.stderr)
    return outcomes


def compare(outcomes: dict[str, list[Outcome]]) -> list[Row]:
    """The rows of bench.json: ours, and for each peer its median and ours divided by it."""
    speed = {name: round(median(one.events / one.seconds for one in all_)) for name, all_ in outcomes.items()}
    size = {
        name: round(median(one.stored_bytes / one.events for one in all_), 1)
        for name, all_ in outcomes.items()
    }
    rows: list[Row] = []
    for name, unit, measured in (("ingest_file", "events/s", speed), ("stored", "bytes/event", size)):
        ours = measured[OURS]
        rows += [
            {
                "name": name,
                "value": ours,
                "unit": unit,
                "peer": peer,
                "peer_value": measured[peer],
                "ratio": round(ours / measured[peer], 2),
            }
            for peer in outcomes
            if peer != OURS
        ]
    later = [one.events / one.afterwards_seconds for one in outcomes[OURS] if one.afterwards_seconds]
    if later:
        rows.append({"name": "compact", "value": round(median(later)), "unit": "events/s"})
    return rows


def show(outcomes: dict[str, list[Outcome]], rows: list[Row], *, events: int, workers: int) -> None:
    """The table and the settings behind it, on stdout."""
    console = Console(highlight=False, soft_wrap=True)
    rounds = len(outcomes[OURS])
    table = Table(
        title=f"{events:,} events of {EVENT_BYTES} bytes, {workers} workers, median of {rounds} rounds"
    )
    table.add_column("what")
    for column in ("tieout", "peer's", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("peer")
    for row in rows:
        what = f"{row['name']}, {row['unit']}"
        compared = (
            (f"{row['peer_value']:,}", f"{row['ratio']:.2f}", str(row["peer"])) if "peer" in row else ()
        )
        table.add_row(what, f"{row['value']:,}", *compared)
    console.print(table)
    for contender, played in outcomes.items():
        settings = ", ".join(f"{name}={value}" for name, value in played[-1].settings.items())
        console.print(f"{contender}: {settings}", markup=False)
    speed = next(row for row in rows if row.get("peer") == "postgresql" and row["name"] == "ingest_file")
    reached = float(speed["value"]) >= FLOOR_PER_SECOND and float(speed["ratio"]) >= FLOOR_TIMES_POSTGRESQL
    floor = f"{FLOOR_PER_SECOND:,} events/s and {FLOOR_TIMES_POSTGRESQL} times PostgreSQL"
    console.print(f"floor on two cores, {floor}: {'reached' if reached else 'NOT reached'}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="events in the file")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that decode")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="where everything is written")
    parser.add_argument("--charges", type=int, default=rating.CHARGES, help="charges that are rated")
    parser.add_argument(
        "--close",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="close ten million events; follow and ask a hundred million where `make bench-long` built them",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "bench.json")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=list(scale.SIZES),
        help="events in the log; none: not measured",
    )
    parser.add_argument("--log", type=Path, help="where that log is built, and stays (default: FOLDER/log)")
    asked = parser.parse_args()
    folder: Path = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"events-{asked.count}.ndjson"
    print(f"writing {asked.count:,} generated events", file=sys.stderr)
    write_events(file, count=asked.count, seed=SEED)
    outcomes = play_rounds(file, folder, events=asked.count, workers=asked.workers, rounds=asked.rounds)
    file.unlink()
    rows = compare(outcomes)
    over_http = http.measure(folder / "http", events=asked.count, workers=asked.workers, rounds=asked.rounds)
    shutil.rmtree(folder / "http", ignore_errors=True)
    starts = start.measure(folder / "start", workers=asked.workers, rounds=asked.rounds)
    rated = rating.measure(charges=asked.charges, rounds=asked.rounds)
    closed, lived = list[Row](), list[Row]()
    if asked.close:
        closed = _closed(folder, asked.workers, asked.rounds)
        lived = _lived(folder, asked.workers)
    rows += [*over_http, *_beside_clickhouse(over_http, rows), *starts, *rated, *closed, *lived]
    asked.output.write_text(json.dumps(rows, indent=2) + "\n")
    grown = scale.measure_sizes(
        asked.log or folder / "log", asked.sizes, events=scale.MEASURED, workers=asked.workers
    )
    rows += [*scale.compare(grown), *_beside_peers(grown, rows)]
    asked.output.write_text(json.dumps(rows, indent=2) + "\n")
    show(outcomes, rows, events=asked.count, workers=asked.workers)
    told = [
        line
        for rows_of, floors in (
            (over_http, http.floors_told),
            (starts, start.floors_told),
            (rated, rating.floors_told),
            (closed, close.floors_told),
            *((lived, each.floors_told) for each in (live, entitlements, evidence)),
        )
        for line in floors(rows_of)
    ]
    print("\n".join([*told, *scale.floors_told(grown)]))


def _closed(folder: Path, workers: int, rounds: int) -> list[Row]:
    events, customers, _, _ = close.SIZES["10m"]
    home = folder / "close-10m"
    return close.measure(home, "10m", events=events, customers=customers, workers=workers, rounds=rounds)


def _lived(folder: Path, workers: int) -> list[Row]:
    """Live usage and entitlements at the largest size whose home there is; and the pack of a long line."""
    size = "100m" if close_home.is_built(folder / "close-100m") else "10m"
    rows = [row for name in ("live", "entitlements") for row in _alone(name, folder, size, workers)]
    return [*rows, *evidence.measure(folder / "evidence", events=evidence.EVENTS, workers=workers)]


def _alone(name: str, folder: Path, size: str, workers: int) -> list[Row]:
    """The rows of `python -m bench.NAME --size SIZE`, which has neither the memory nor the garbage of this
    process."""
    output = folder / f"{name}.json"
    command = [sys.executable, "-m", f"bench.{name}", "--size", size, "--workers", str(workers)]
    command += ["--folder", str(folder), "--output", str(output)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode:
        raise SystemExit(f"{name} failed with exit code {ended.returncode}; its message stands above")
    rows: list[Row] = json.loads(output.read_text())
    output.unlink()
    return rows


def _beside_clickhouse(over_http: list[Row], rows: list[Row]) -> list[Row]:
    """ClickHouse's engine has no server here: what came over HTTP beside what it loads from a file."""
    loaded = next(row["peer_value"] for row in rows if row.get("peer") == "clickhouse")
    return [_beside(row, "clickhouse, from a file", loaded) for row in over_http]


def _beside_peers(grown: list[Row], rows: list[Row]) -> list[Row]:
    """The rates of a grown log beside those of the peers in this run, which began with empty tables."""
    peers = {str(row["peer"]): row["peer_value"] for row in rows if row["name"] == "ingest_file"}
    return [
        _beside(row, f"{peer}, empty at first", value)
        for row in grown
        if row["unit"] == "events/s"
        for peer, value in peers.items()
    ]


def _beside(row: Row, peer: str, value: str | int | float) -> Row:
    own = {name: row[name] for name in ("name", "value", "unit")}
    return own | {"peer": peer, "peer_value": value, "ratio": round(float(row["value"]) / float(value), 2)}


if __name__ == "__main__":
    main()
