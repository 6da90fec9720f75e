"""A real server, all its processes, on a clock that is `offset` microseconds beside the system's; it seals
one invoice in each transaction, so that it can be killed between two.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from tieout import wiring
from tieout.api import closer
from tieout.api.supervisor import Supervisor
from tieout.flows import seal_accounts
from tieout.flows.keep_closing import keep_closing
from tieout.gateways.clock import SystemClock
from tieout.kernel.instant import Instant


def serve(folder: Path, offset: int, closes: bool) -> int:
    class ShiftedClock(SystemClock):
        def now(self) -> Instant:
            return Instant(super().now() + offset)

    wiring.SystemClock = ShiftedClock  # type: ignore[misc]
    seal_accounts.ROWS_PER_TRANSACTION = 1  # type: ignore[misc]
    closer.keep_closing = partial(keep_closing, poll_seconds=1)  # type: ignore[assignment]
    say = partial(print, file=sys.stderr, flush=True)
    return Supervisor(folder, "127.0.0.1", 0, 1, say=say, closes=closes).run()


if __name__ == "__main__":
    raise SystemExit(serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "closes"))
