"""`python -m tests.real_usage DATA OUT [--set NAME] [--every N]`: writes the sets of the data in DATA."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.real_usage import apache, azure, taxi

SETS = {"azure": azure, "apache": apache, "taxi": taxi}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.real_usage", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with the raw files")
    parser.add_argument("out", type=Path, help="where the sets are written")
    parser.add_argument("--set", action="append", choices=SETS, help="one of them; all if none is named")
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth row, for a quick look")
    asked = parser.parse_args()
    chosen = asked.set or list(SETS)
    missing = [SETS[name].FILE for name in chosen if not (asked.data / SETS[name].FILE).is_file()]
    if missing:
        print(f"{asked.data} holds no {', '.join(missing)}", file=sys.stderr)
        return 3
    for name in chosen:
        made = SETS[name].build(asked.data, every=asked.every)
        folder, world = made.write(asked.out), made.world
        print(f"{folder}: {len(made.calls)} calls, {world.counts['received']} items, {world.late} late")
        print(f"  {len(world.lines)} lines expected, {len(made.changed)} others with {folder}-candidate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
