"""Does what people decide of sealed papers in a process of its own, to be killed or run at once with others:
`python -m tests.faults.decider HOME MICROSECONDS VERB NAME [LINE]`, where VERB is `credit` (whose name is an
invoice's number), `void`, `approve` (a report's digest) or `pay`. `CRASH_AT` in the environment kills it
there. Exits with 3 where it is refused because of what another did.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tieout.flows.correct import approve
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.home import Home
from tieout.flows.payments import record_payment
from tieout.flows.void_invoice import void_invoice
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import Refusal
from tieout.kernel.instant import Instant
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]
REFUSED = 3


def decide(home: Home, verb: str, name: str, more: str = "") -> None:
    if verb == "credit":
        credit_invoice(
            home,
            name,
            line=more,
            amount=None,
            kind="goodwill",
            person="Ann",
            reason="an outage",
            approved_by="Bob",
        )
    elif verb == "void":
        void_invoice(home, name, person="Ann", reason="the wrong customer", approved_by="Bob")
    elif verb == "pay":
        record_payment(home, name, amount=more, reference="wire-1", person="Ann", received_at=None)
    else:
        assert verb == "approve", verb
        approve(home, name, person="Bob", reason="looked at")


def start(folder: Path, now: Instant, *words: str, crash_at: str | None = None) -> subprocess.Popen[bytes]:
    """The process that decides this."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    if crash_at is not None:
        environment["CRASH_AT"] = crash_at
    command = [sys.executable, "-m", "tests.faults.decider", str(folder), str(int(now)), *words]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def main(arguments: Sequence[str]) -> int:
    folder, now, *words = arguments
    try:
        with open_home(Path(folder), clock=SteppedClock(Instant(int(now)))) as home:
            decide(home, *words)
    except Refusal as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
