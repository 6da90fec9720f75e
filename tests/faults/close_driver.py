"""Runs closes in processes of their own: `python -m tests.faults.close_driver HOME [MICROSECONDS]` one, on 3
February 2026 or at that instant; without HOME those that stdin asks for, one JSON order a line, each in a
fork of this process (so that what is slow, the start, is done once). `CRASH_AT=point:n` in the environment,
or "crash_at" in the order, kills the close there.

An order names a home and may set its clock ("now", a list of instants, one for each time it is read), the
rows of a sealing transaction, the workers that draft, the accounts that they draft at a time, and how many
closes run at once ("mixed": a list of what each of them is asked for besides); or what is decided there
instead of a close ("decide", a list of words as `decider` takes them), or that the log is followed to its end
("follow"). The answer is a list of exit codes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.faults.decider import REFUSED, decide
from tests.faults.live_follower import follow_to_the_end
from tests.small_home import FEBRUARY_3
from tieout.flows import seal_accounts, shared_drafts
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import Instant
from tieout.wiring import open_home


class ListedClock:
    """Shows the instants of a list, the last one for ever: a clock may step back."""

    def __init__(self, instants: list[int]) -> None:
        self._instants = instants

    def now(self) -> Instant:
        return Instant(self._instants.pop(0) if len(self._instants) > 1 else self._instants[0])


def run(order: dict[str, Any]) -> None:
    """One close, in this process."""
    seal_accounts.ROWS_PER_TRANSACTION = order.get("rows", seal_accounts.ROWS_PER_TRANSACTION)
    instants = order.get("now", [int(FEBRUARY_3)])
    clock = SteppedClock(Instant(instants[0])) if len(instants) == 1 else ListedClock(instants)
    if "follow" in order:
        follow_to_the_end(Path(order["home"]), clock)
        return
    with open_home(Path(order["home"]), clock=clock) as home:
        if "decide" in order:
            decide(home, *order["decide"])
            return
        workers = order.get("workers", 1)
        if workers > 1:  # however few there are
            shared_drafts.SHARED_MIN = 1  # type: ignore[misc]
            shared_drafts.ACCOUNTS_PER_PART = order.get("accounts_per_part", 1)  # type: ignore[misc]
        close(home, as_of=Instant(order.get("as_of", FEBRUARY_3)), workers=workers)


def forked(order: dict[str, Any]) -> int:
    """The process that closes."""
    child = os.fork()
    if child == 0:
        os.environ.update(order.get("environment", {}))
        if order.get("crash_at") is not None:
            os.environ["CRASH_AT"] = order["crash_at"]
        try:
            run(order)
        except Refusal as error:
            if "decide" not in order:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(REFUSED if "decide" in order else 1)
        except BaseException as error:  # noqa: BLE001 - a fork must never go on as its parent
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        orders = order.pop("mixed", [{}] * order.get("at_once", 1))
        children = [forked({**order, **each}) for each in orders]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run({"home": sys.argv[1], "now": [int(sys.argv[2])], "as_of": int(sys.argv[2])})
    elif len(sys.argv) > 1:
        run({"home": sys.argv[1]})
    else:
        serve()
