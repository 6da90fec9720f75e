"""`python -m tests.simulation --customers 10000 --seed 7 [--folder EMPTY]`: the run in full; prints what it
counted as JSON; exit code 1 where anything does not tie.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.run import Simulation
from tests.simulation.scales import in_full

SHOWN_MAX = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="an empty folder to look into afterwards")
    said = parser.parse_args()
    begins = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begins:7.1f} s  {line}", file=sys.stderr, flush=True)

    with TemporaryDirectory(prefix="tieout-simulation-") as own:
        scale = in_full(said.customers, seed=said.seed)
        outcome = Simulation(said.folder or Path(own), scale, say).run()
    took = f"{time.monotonic() - begins:.0f}"
    print(json.dumps({"seed": said.seed, **outcome.counts, "seconds": took}, indent=2))
    for line in outcome.findings[:SHOWN_MAX]:
        print(line, file=sys.stderr)
    print(f"{len(outcome.findings)} findings", file=sys.stderr)
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
