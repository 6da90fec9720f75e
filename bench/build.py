"""Builds a log of many events in one command, through the very intake that reads files; resumable.

`python -m bench.build --events 100000000` leaves a home in `.bench/log`, which later measurements use, and a
file `build.json` that says what is in it. Stopped in the middle (or killed), the same command goes on; with
more events than before, it adds them. Blocks of lines are made in memory and handed to the intake; every two
million events the log is compacted, and the clock of the home moves on, so that retired bodies are removed
as they would be in the quarter that the events are from.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.contender import folder_bytes
from bench.event_blocks import CUSTOMERS, DAYS, ROWS, block
from bench.memory import peak_bytes
from bench.tieout_ingest import CATALOG
from tieout.flows.apply_catalog import apply_catalog, load_catalog
from tieout.flows.compact_log import compact_log
from tieout.flows.home import Home
from tieout.kernel.instant import Instant, parse_instant
from tieout.store.files import write_durably
from tieout.wiring import SteppedClock, create_home, open_home

BLOCKS_AT_ONCE = 57
"""About two million events: what one segment holds."""
PLANNED_MIN = 3_000
"""The quarter's times are laid out for at least so many blocks: 100 million events."""
BUILT_AT = parse_instant("2026-04-01T00:00:00Z")
"""When the home's clock starts: after the last event."""
STEP_MICROSECONDS = 20 * 60_000_000
SEED = 2026
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench" / "log"


@dataclass(frozen=True, slots=True)
class Built:
    """What a folder holds: the first `done` of `planned` blocks, made from `seed`, of so many customers and
    going through so many days.
    """

    seed: int
    rows: int
    planned: int
    done: int
    seconds: float
    customers: int = CUSTOMERS
    days: int = DAYS

    @property
    def events(self) -> int:
        return self.rows * self.done

    def lines(self, number: int) -> bytes:
        """Those of one block."""
        made = block(
            number,
            blocks=self.planned,
            seed=self.seed,
            rows=self.rows,
            customers=self.customers,
            days=self.days,
        )
        return made.tobytes()


def build(folder: Path, events: int, *, workers: int) -> Built:
    """A home in `folder/home` with at least `events` events. Says on stderr how it goes."""
    built = _begun(folder, -(-events // ROWS))
    wanted = -(-events // built.rows)
    if wanted > built.planned:
        raise SystemExit(
            f"{folder} was planned for {built.planned * built.rows:,} events; remove it to build more"
        )
    begin, at_first = time.perf_counter(), built.done
    while built.done < wanted:
        upto = min(built.done + BLOCKS_AT_ONCE, wanted)
        started = time.perf_counter()
        _add(folder, built, upto, workers=workers)
        built = replace(built, done=upto, seconds=built.seconds + time.perf_counter() - started)
        record_built(folder, built)
        speed = (built.done - at_first) * built.rows / (time.perf_counter() - begin)
        left = (wanted - built.done) * built.rows / speed
        done = f"{built.events:>12,} of {wanted * built.rows:,} events"
        print(f"{done}, {speed:,.0f}/s, {left / 60:.1f} minutes left", file=sys.stderr)
    return built


def _begun(folder: Path, wanted: int) -> Built:
    """What an earlier run left, or an empty home."""
    record = folder / "build.json"
    if record.exists():
        return Built(**json.loads(record.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "home").exists():
        raise SystemExit(f"{folder} holds a home that no build.json describes; remove it first")
    with create_home(folder / "home", clock=SteppedClock(BUILT_AT)) as home:
        apply_catalog(home, CATALOG)
    built = Built(SEED, ROWS, max(wanted, PLANNED_MIN), 0, 0.0)
    record_built(folder, built)
    return built


def record_built(folder: Path, built: Built) -> None:
    write_durably(folder / "build.json", (json.dumps(asdict(built)) + "\n").encode())


def _add(folder: Path, built: Built, upto: int, *, workers: int) -> None:
    """The next blocks. What a killed run had added of them is received again, as duplicates."""
    with open_at(folder, built) as home:
        contracts = load_catalog(home).contracts
        opened = home.log.intake(
            contracts, origin="bench.build", default_source=None, workers=max(1, workers)
        )
        with opened as intake:
            for number in range(built.done, upto):
                intake.lines(built.lines(number))
            intake.finish()
        compact_log(home)


def settled_bytes(home: Home) -> int:
    """Bytes on disk once compaction has given back what it no longer needs, a little each time."""
    stored = folder_bytes(home.folder)
    while True:
        compact_log(home)
        now = folder_bytes(home.folder)
        if now >= stored:
            return now
        stored = now


def open_at(folder: Path, built: Built, *, later: int = 0) -> Home:
    """The home when its clock has moved on with what was built, and `later` steps more."""
    steps = built.done // BLOCKS_AT_ONCE + later
    return open_home(folder / "home", clock=SteppedClock(Instant(BUILT_AT + steps * STEP_MICROSECONDS)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.build", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that decode")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    built = build(folder, asked.events, workers=asked.workers)
    with open_at(folder, built, later=1) as home:
        stored = settled_bytes(home)
    told = {
        "folder": str(folder / "home"),
        "events": built.events,
        "seconds": round(built.seconds, 1),
        "events_per_second": round(built.events / built.seconds) if built.seconds else 0,
        "bytes_per_event": round(stored / max(1, built.events), 1),
        "peak_mebibytes": peak_bytes() >> 20,
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
