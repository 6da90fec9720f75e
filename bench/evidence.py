"""Evidence packs: one line over a million events; how long its pack takes to build and to verify, its size.

The home is made as the one that the close is measured with, for one customer, and is closed before.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.close_home import CLOSED_AS_OF, build_due
from bench.memory import peak_bytes
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import BuiltPack, build_pack
from tieout.flows.close_periods import close
from tieout.ports import InvoiceStore
from tieout.wiring import SteppedClock, open_home

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, str | int | float]
Result = TypeVar("Result")
EVENTS = 1_000_000
BUILD_SECONDS_MAX = 10


def measure(folder: Path, *, events: int, workers: int) -> list[Row]:
    """`folder` is made anew, and removed."""
    shutil.rmtree(folder, ignore_errors=True)
    build_due(folder, events=events, customers=1, workers=workers)
    with open_home(folder / "home", clock=SteppedClock(CLOSED_AS_OF)) as home:
        close(home, as_of=CLOSED_AS_OF)
        key = public_key_text(home.installation_key.create()).encode()
        name = _longest_line(home.books.invoices)
        pack, build_seconds = _timed(lambda: build_pack(home, name))
        again, _ = _timed(lambda: build_pack(home, name))
        assert again.content == pack.content, "the same evidence gives the same bytes"
    built_bytes = peak_bytes()
    report, verify_seconds = _timed(lambda: verify_pack(pack.content, key))
    assert not report.breaks, report.breaks
    shutil.rmtree(folder)
    return _rows(pack, build_seconds, verify_seconds, built_bytes)


def _longest_line(store: InvoiceStore) -> str:
    counts: dict[str, int] = {}
    for row in store.sealed():
        whole = store.find(row.id)
        assert whole is not None, "it is in the list"
        for line in json.loads(whole.document)["lines"]:
            if line["snapshot"] is not None:
                counts[line["id"]] = line["snapshot"]["event_count"]
    return max(counts, key=lambda line: counts[line])


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def _rows(pack: BuiltPack, build_seconds: float, verify_seconds: float, peak: int) -> list[Row]:
    size = len(pack.content)
    name = f"evidence of a line over {pack.events:,} events"
    return [
        {"name": f"{name}, build", "value": round(build_seconds, 2), "unit": "s"},
        {"name": f"{name}, verify", "value": round(verify_seconds, 2), "unit": "s"},
        {"name": f"{name}, size", "value": size, "unit": "bytes"},
        {"name": f"{name}, size per event", "value": round(size / pack.events, 1), "unit": "bytes/event"},
        {"name": f"{name}, peak memory", "value": peak, "unit": "bytes"},
    ]


def floors_told(rows: list[Row]) -> list[str]:
    return [
        f"{row['name']}, at most {BUILD_SECONDS_MAX} s: "
        f"{'reached' if float(row['value']) <= BUILD_SECONDS_MAX else 'NOT reached'}"
        for row in rows
        if str(row["name"]).endswith("build")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench" / "evidence")
    asked = parser.parse_args()
    rows = measure(asked.folder.resolve(), events=asked.events, workers=asked.workers)
    print(json.dumps(rows, indent=2))
    print("\n".join(floors_told(rows)))


if __name__ == "__main__":
    main()
