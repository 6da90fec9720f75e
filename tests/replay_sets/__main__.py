"""`python -m tests.replay_sets DATA OUT [--rows N] [SET ...]`: writes the sets of the data that is there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.replay_sets import apache, azure, taxi

SETS = {"azure": azure, "apache": apache, "taxi": taxi}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replay_sets", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with the raw files")
    parser.add_argument("out", type=Path, help="where the sets are written")
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], help="which; all if none is named")
    parser.add_argument("--rows", type=int, help="only so many rows of each file, from its start")
    asked = parser.parse_args()
    chosen = asked.sets or list(SETS)
    missing = [SETS[name].FILE for name in chosen if not (asked.data / SETS[name].FILE).is_file()]
    if missing:
        print(f"{asked.data} holds no {', '.join(missing)}", file=sys.stderr)
        return 3
    for name in chosen:
        made = SETS[name].build(asked.data, rows=asked.rows)
        folder, world = made.write(asked.out), made.world
        print(f"{folder}: {len(made.calls)} calls, {world.counts['received']} items, {world.late} late")
        print(f"  {len(world.lines)} lines expected, {len(made.changed)} others with {folder}-candidate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
