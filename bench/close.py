"""`tieout close` over a month of many customers: from the signed policy to reconciled and sealed invoices.

The home is built once (`bench.close_home`) and kept; each round closes a copy of it in a process of its own,
whose seconds go from opening the home to the last outcome recorded: the catalog read, usage measured, counted
a second time, rated, drafted, reconciled, sealed with synchronous=FULL, and the buckets of all events.
Beside it stands what the engine alone needs: one query of DuckDB over the same segments that counts, adds up
and takes the greatest for each customer, with nothing checked, kept or explained. After the last round lines
are traced, and the same close in another home, under another seed of hashes, in one process and with other
transactions, must have sealed the same bytes (L20).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from statistics import median

import duckdb
from rich.console import Console

from bench.build import ROOT
from bench.close_home import CLOSED_AS_OF, build_due
from bench.memory import peak_bytes
from bench.scale import copied
from tieout.flows import seal_accounts
from tieout.flows.close_periods import close
from tieout.flows.trace_line import trace
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant
from tieout.wiring import SteppedClock, open_home

Row = dict[str, str | int | float]
SIZES = {"10m": (10_000_000, 10_000, 15, 4_096), "100m": (100_000_000, 100_000, 120, 8_192)}
"""Events, customers, seconds at most, mebibytes at most."""
TRACED = 200
TRACE_MILLISECONDS_MAX = 200
ROWS = seal_accounts.ROWS_PER_TRANSACTION
OTHER_ROWS = 60
"""Rows per transaction of the second home's close."""
NOW = parse_instant("2026-04-10T00:00:00Z")


def measured_close(home_folder: Path, *, rows_per_transaction: int, workers: int) -> dict[str, float | str]:
    """In a process of its own."""
    seal_accounts.ROWS_PER_TRANSACTION = rows_per_transaction
    begin, worked = time.perf_counter(), _cpu_seconds()
    with open_home(home_folder, clock=SteppedClock(NOW)) as home:
        report = close(home, as_of=CLOSED_AS_OF, workers=workers)
        told: dict[str, float | str] = {
            "seconds": time.perf_counter() - begin,
            "cpu_seconds": _cpu_seconds() - worked,
            "peak": _peak_bytes(workers),
            "sealed": len(report.invoices),
            "waiting": len(report.outcomes) - len(report.invoices),
        }
        sealed = sha256()
        for stored in home.books.invoices.sealed():
            sealed.update(f"{stored.number} {stored.sha256}\n".encode())
        for snapshot in home.books.invoices.snapshots():
            sealed.update(f"{snapshot.id} {snapshot.quantity} {snapshot.fingerprint}\n".encode())
    return told | {"digest": sealed.hexdigest()}


def _cpu_seconds() -> float:
    """Of this process and its workers that ended."""
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime


def _peak_bytes(workers: int) -> int:
    """At most: what workers share with this process is counted for each of them again."""
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1_024
    return peak_bytes() + workers * largest


def measured_traces(home_folder: Path) -> dict[str, float | str]:
    """In a process of its own: milliseconds of tracing lines drawn at random; the first one warms up."""
    chance = random.Random(7)  # noqa: S311 - reproducible on purpose
    with open_home(home_folder, clock=SteppedClock(NOW)) as home:
        invoices = home.books.invoices.sealed()
        lines = [f"{chance.choice(invoices).id}-{1 + chance.randrange(3):03d}" for _ in range(TRACED + 1)]
        taken = []
        for line in lines:
            begin = time.perf_counter()
            assert trace(home, LineId(line)).reproduced.matches, f"{line} is not what was sealed"
            taken.append(1_000 * (time.perf_counter() - begin))
    ordered = sorted(taken[1:])
    return {"p50": ordered[TRACED // 2], "p99": ordered[TRACED * 99 // 100]}


def bare_seconds(home_folder: Path) -> float:
    """DuckDB alone over the same files, all cores; a customer each row."""
    paths = [str(path) for path in sorted((home_folder / "segments").rglob("*.parquet"))]
    begin = time.perf_counter()
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "SELECT subject, count(*), sum(f_input_tokens), max(f_output_tokens) FROM read_parquet($paths) "
            "WHERE time >= epoch_us(TIMESTAMP '2026-01-01') AND time < epoch_us(TIMESTAMP '2026-02-01') "
            "GROUP BY subject",
            {"paths": paths},
        )
        connection.fetchall()
    return time.perf_counter() - begin


def measure(folder: Path, name: str, *, events: int, customers: int, workers: int, rounds: int) -> list[Row]:
    """The rows of one size. The home in `folder` stays, for the next time."""
    build_due(folder, events=events, customers=customers, workers=workers)
    beside = folder.with_name(f"{folder.name}-copy")
    closes, bare = [], []
    for _ in range(rounds):
        home = copied(folder, beside)
        os.sync()
        closes.append(_in_process("close", home, workers=workers))
        bare.append(float(_in_process("bare", home)["seconds"]))
    assert all(told["sealed"] == customers and not told["waiting"] for told in closes), closes
    traced = _in_process("trace", home)
    other = _in_process("close", copied(folder, beside), rows=OTHER_ROWS, hash_seed="77")
    shutil.rmtree(beside)
    assert {told["digest"] for told in (*closes, other)} == {other["digest"]}, (
        "the same close, the same bytes"
    )
    seconds, cpu, peak = (
        median(float(told[key]) for told in closes) for key in ("seconds", "cpu_seconds", "peak")
    )
    peer = median(bare)
    rows: list[Row] = [
        {
            "name": f"close_{name}",
            "value": round(seconds, 2),
            "unit": "s",
            "peer": "bare DuckDB aggregation",
            "peer_value": round(peer, 2),
            "ratio": round(seconds / peer, 2),
        }
    ]
    alone = ((f"close_{name}_cpu", cpu, "s"), (f"close_{name}_peak_memory", peak / 2**20, "MiB"))
    rows += [{"name": key, "value": round(value, 2), "unit": unit} for key, value, unit in alone]
    return [*rows, {"name": f"trace_{name}_p99", "value": round(float(traced["p99"]), 1), "unit": "ms"}]


def _in_process(
    what: str, home: Path, *, rows: int = ROWS, hash_seed: str = "0", workers: int = 1
) -> dict[str, float | str]:
    command = [
        sys.executable,
        "-m",
        "bench.close",
        "--measure",
        what,
        "--home",
        str(home),
        "--rows",
        str(rows),
        "--workers",
        str(workers),
    ]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    finished = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=False)
    if finished.returncode:
        raise SystemExit(f"{what} failed with exit code {finished.returncode}; its message stands above")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def floors_told(rows: list[Row]) -> list[str]:
    """For each number that was to be reached, and was measured, whether it was."""
    values = {str(row["name"]): float(row["value"]) for row in rows}
    told = []
    for name, (_, _, seconds, mebibytes) in SIZES.items():
        wanted = ((f"close_{name}", seconds, "s"), (f"close_{name}_peak_memory", mebibytes, "MiB"))
        for key, most, unit in (*wanted, (f"trace_{name}_p99", TRACE_MILLISECONDS_MAX, "ms")):
            if key in values:
                reached = "reached" if values[key] <= most else "NOT reached"
                told.append(f"{key}, at most {most:,} {unit}: {reached}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.close", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="10m")
    parser.add_argument("--events", type=int, help="instead of the size's")
    parser.add_argument("--customers", type=int, help="instead of the size's")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes that decode, and draft"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".bench", help="where the home is built, and stays"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "bench-close.json")
    parser.add_argument("--measure", choices=("close", "trace", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument(
        "--rows", type=int, default=seal_accounts.ROWS_PER_TRANSACTION, help=argparse.SUPPRESS
    )
    asked = parser.parse_args()
    if asked.measure is not None:
        print(json.dumps(_measured(asked.measure, asked.home, asked.rows, asked.workers)))
        return
    events, customers, _, _ = SIZES[asked.size]
    rows = measure(
        asked.folder.resolve() / f"close-{asked.size}",
        asked.size,
        events=asked.events or events,
        customers=asked.customers or customers,
        workers=asked.workers,
        rounds=asked.rounds,
    )
    asked.output.write_text(json.dumps(rows, indent=2) + "\n")
    console = Console(highlight=False, soft_wrap=True)
    for row in rows:
        console.print(", ".join(f"{key} {value}" for key, value in row.items()), markup=False)
    console.print("\n".join(floors_told(rows)))


def _measured(what: str, home: Path, rows: int, workers: int) -> dict[str, float | str]:
    if what == "close":
        return measured_close(home, rows_per_transaction=rows, workers=workers)
    return measured_traces(home) if what == "trace" else {"seconds": bare_seconds(home)}


if __name__ == "__main__":
    main()
