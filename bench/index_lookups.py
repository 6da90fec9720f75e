"""The identity index alone, at any size: random identities learned, filed and merged, then looked up.

Nothing is ingested: identities and contents are drawn from a seeded generator, as uniform as the keyed hashes
that they stand for. What it costs to file an identity, what to look one up in batches of 35,000 and of 20
keys (one in twenty of them known), how many bytes an entry takes, how much memory the process needs.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from bench.memory import resident_bytes
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.index import IdentityIndex

BATCH_ROWS = 65_536
KNOWN_ONE_IN = 20
QUESTIONS = 60
SEED = 2026


def batch_entries(number: int, rows: int) -> KeyEntries:
    """The same number gives the same identities."""
    words = np.random.default_rng([SEED, number]).integers(0, 2**64, size=(rows, 4), dtype=np.uint64)
    return KeyEntries(words[:, :2], words[:, 2:], np.arange(rows, dtype=np.uint32))


def build(folder: Path, entries: int) -> tuple[IdentityIndex, float]:
    """Every batch is learned and filed as after a commit; seconds without those of drawing numbers."""
    index = IdentityIndex(folder)
    seconds = 0.0
    batches = -(-entries // BATCH_ROWS)
    for number in range(1, batches + 1):
        drawn = batch_entries(number, min(BATCH_ROWS, entries - (number - 1) * BATCH_ROWS))
        begin = time.perf_counter()
        index.learn(number, drawn)
        index.file_runs()
        seconds += time.perf_counter() - begin
        if sys.stderr.isatty() and number % 16 == 0:
            print(f"\r{number:,} of {batches:,} batches learned", end="", file=sys.stderr)
    begin = time.perf_counter()
    index.settle()
    return index, seconds + time.perf_counter() - begin


def questions(entries: int, keys: int) -> Iterator[tuple[np.ndarray, int]]:
    """(keys, how many of them are known): the known ones from batches all over the log."""
    drawn = np.random.default_rng(SEED + 1)
    batches = -(-entries // BATCH_ROWS)
    for _ in range(QUESTIONS):
        asked = drawn.integers(0, 2**64, size=(keys, 2), dtype=np.uint64)
        known = max(1, keys // KNOWN_ONE_IN)
        number = int(drawn.integers(1, max(2, batches)))
        held = batch_entries(number, BATCH_ROWS if number < batches else entries - (batches - 1) * BATCH_ROWS)
        asked[:known] = held.keys[drawn.choice(len(held.keys), known, replace=False)]
        yield asked, known


def look_up(index: IdentityIndex, entries: int, keys: int) -> float:
    """Median seconds of one question, each of whose known keys must be found, and no other."""
    taken = []
    for asked, known in questions(entries, keys):
        begin = time.perf_counter()
        answer = index.find(asked)
        taken.append(time.perf_counter() - begin)
        assert int(answer.found.sum()) == known and answer.found[:known].all()
    return median(taken)


def measure(folder: Path, entries: int) -> list[dict[str, str | int | float]]:
    index, filing = build(folder, entries)
    in_memory = resident_bytes()
    del index
    begin = time.perf_counter()
    index = IdentityIndex(folder)
    opening = time.perf_counter() - begin
    filed = min(index.filed * BATCH_ROWS, entries)
    for number in range(index.filed + 1, -(-entries // BATCH_ROWS) + 1):
        index.learn(number, batch_entries(number, min(BATCH_ROWS, entries - (number - 1) * BATCH_ROWS)))
    many, few = look_up(index, entries, 35_000), look_up(index, entries, 20)
    stored = sum(path.stat().st_size for path in folder.glob("*.run"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
    values = (
        ("index_filing", round(entries / filing), "identities/s"),
        ("index_lookup_of_35000", round(many / 35_000 * 1e9), "ns/key"),
        ("index_lookup_of_20", round(few * 1e6), "microseconds"),
        ("index_opening", round(opening * 1e3, 1), "ms"),
        ("index_stored", round(stored / max(1, filed), 2), "bytes/identity"),
        ("index_resident", max(in_memory, resident_bytes()) >> 20, "MiB"),
        ("index_peak", peak >> 20, "MiB"),
    )
    return [{"name": f"{name}_at_{entries}", "value": value, "unit": unit} for name, value, unit in values]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.index_lookups", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000_000)
    parser.add_argument("--folder", type=Path, default=Path(".bench/index"))
    parser.add_argument("--output", type=Path, help="where the rows go as JSON")
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    rows = measure(asked.folder, asked.entries)
    shutil.rmtree(asked.folder)
    for row in rows:
        print(f"{row['name']:<40}{row['value']:>14,} {row['unit']}")
    if asked.output is not None:
        asked.output.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
