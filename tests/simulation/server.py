"""`tieout serve` on a clock of its own, whose processes die at named points: closer, deliverer, follower,
looker, keeper and workers, as they are.

`CRASH_AT` may name several points, `look-before-commit:3,notice-after-send:2`; a process dies at the n-th
time that it passes one, and writes into the file `CRASH_NOTES` which it was.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from tieout.store import crash

passed: Counter[str] = Counter()


def die_at(wanted: dict[str, int], notes: str, name: str) -> None:
    passed[name] += 1
    if passed[name] == wanted.get(name):
        with open(notes, "a") as out:
            out.write(f"{name}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def serve(folder: Path, offset: int) -> int:
    from tieout import wiring  # after the points are ours: every module has its own name for them
    from tieout.api.supervisor import Supervisor
    from tieout.gateways.clock import SystemClock
    from tieout.kernel.instant import Instant

    class ShiftedClock(SystemClock):
        def now(self) -> Instant:
            return Instant(super().now() + offset)

    wiring.SystemClock = ShiftedClock  # type: ignore[misc]
    say = partial(print, file=sys.stderr, flush=True)
    return Supervisor(folder, "127.0.0.1", 0, 2, say=say).run()


def main() -> int:
    wanted = os.environ.pop("CRASH_AT", "")
    if wanted:
        points = {
            point: int(count) for point, _, count in (each.partition(":") for each in wanted.split(","))
        }
        crash.crash_point = partial(die_at, points, os.environ["CRASH_NOTES"])
    return serve(Path(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    raise SystemExit(main())
