"""Writes the file that every contender reads: generated CloudEvents, one per line, each of 240 bytes.

The events are made up. Ids are unique random UUIDs (version 4), as senders make them, drawn from a seeded
generator so that the same seed writes the same file. 10,000 customers, three models, times within one day
in sending order.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from uuid import UUID

from tieout.kernel.instant import DAY_MICROSECONDS

EVENT_BYTES = 240
"""Length of one event as JSON text, without the newline that ends its line."""

CUSTOMERS = 10_000
MODELS = ("large-32k", "medium-8k", "small-04k")
LINES_PER_WRITE = 10_000


def event_line(chance: random.Random, micros: int) -> bytes:
    """One event sent `micros` microseconds after the day began, with its newline."""
    seconds, fraction = divmod(micros, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    line = (
        f'{{"specversion":"1.0","id":"{UUID(int=chance.getrandbits(128), version=4)}"'
        f',"source":"gateway-{chance.randrange(1, 5)}","type":"llm.request"'
        f',"subject":"customer-{chance.randrange(CUSTOMERS):05}"'
        f',"time":"2026-01-15T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"'
        f',"data":{{"model":"{chance.choice(MODELS)}","input_tokens":{chance.randrange(1000, 10_000)}'
        f',"output_tokens":{chance.randrange(100, 1000)}}}}}\n'
    )
    return line.encode("ascii")


def write_events(path: Path, *, count: int, seed: int) -> None:
    """Write `count` events to `path`; the same count and seed give the same bytes."""
    chance = random.Random(seed)  # noqa: S311 reproducible on purpose, nothing secret
    with path.open("wb") as file:
        for first in range(0, count, LINES_PER_WRITE):
            numbers = range(first, min(first + LINES_PER_WRITE, count))
            file.writelines(event_line(chance, number * DAY_MICROSECONDS // count) for number in numbers)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    write_events(asked.path, count=asked.count, seed=asked.seed)


if __name__ == "__main__":
    main()
