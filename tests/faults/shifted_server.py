"""A real server, all its processes, on a clock that is `offset` microseconds beside the system's; it seals
one invoice in each transaction, so that it can be killed between two. `PAUSE_AT=point:n` in the environment
stops the process that seals there, for ever, as a suspended machine would.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

from tieout import wiring
from tieout.api import closer
from tieout.api.supervisor import Supervisor
from tieout.flows import keep_closing as closing
from tieout.flows import seal_accounts
from tieout.flows.keep_closing import keep_closing
from tieout.gateways.clock import SystemClock
from tieout.kernel.instant import Instant
from tieout.store.books import invoices


def serve(folder: Path, offset: int, closes: bool) -> int:
    class ShiftedClock(SystemClock):
        def now(self) -> Instant:
            return Instant(super().now() + offset)

    wiring.SystemClock = ShiftedClock  # type: ignore[misc]
    seal_accounts.ROWS_PER_TRANSACTION = 1  # type: ignore[misc]
    closing.STAND_BY_SECONDS = 1  # type: ignore[misc]
    closer.keep_closing = partial(keep_closing, poll_seconds=1)  # type: ignore[assignment]
    pause_at(os.environ.get("PAUSE_AT"))
    say = partial(print, file=sys.stderr, flush=True)
    return Supervisor(folder, "127.0.0.1", 0, 1, say=say, closes=closes).run()


def pause_at(wanted: str | None) -> None:
    if wanted is None:
        return
    point, _, count = wanted.partition(":")
    honest, left = invoices.crash_point, iter(range(int(count) - 1, -2, -1))

    def pause(name: str) -> None:
        if name == point and next(left) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        honest(name)

    invoices.crash_point = pause


if __name__ == "__main__":
    raise SystemExit(serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "closes"))
