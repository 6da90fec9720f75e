"""Named points where a test may kill the process, to see what a crash leaves behind.

`CRASH_AT=point:n` in the environment kills at the n-th time the point is passed; without it nothing happens.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Kills this process, as `kill -9` does, if the environment asks for it here and now."""
    wanted = os.environ.get("CRASH_AT")
    if wanted is None:
        return
    point, _, count = wanted.partition(":")
    _passed[name] += 1
    if point == name and _passed[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
