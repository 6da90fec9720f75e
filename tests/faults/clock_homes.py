"""Homes in which people decide something while the clock steps back, each with the instant of the first
decision."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.balances import make_balances_home, two_months
from tests.faults.test_corrections_killed import LATE, SENT
from tests.reviewed_home import DRAFTED_AT, make_reviewed_home
from tests.small_home import FEBRUARY_3, POLICY, ZONES, call, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.flows.watch_pipeline import watch_to_head
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant

NOW = parse_instant("2026-03-03T12:00:00Z")
"""February is over, and not billed."""
IN_THE_WINDOW = parse_instant("2026-02-05T12:00:00Z")
ACME = CustomerId("acme")
SINCE = parse_instant("2026-01-01T00:00:00Z")
OF_FEBRUARY = [
    call(20 + place, customer, "2026-02-10T10:00:00Z", tokens=500) for place, customer in enumerate(ZONES)
]
LATER = [call(9002, "acme", "2026-01-06T00:00:00Z", tokens=20_000)]


def sealed_home(folder: Path, *, policy: str = POLICY) -> None:
    """January is sealed, a little of it paid by credit; an event of it came late; February waits."""
    home, clock = make_home(folder, now=FEBRUARY_3, policy=policy)
    with home:
        grant(home, "welcome", "4.00")
        ingest(home, SENT)
        close(home, as_of=clock.now())
        clock.set_to(NOW)
        ingest(home, [*LATE, *OF_FEBRUARY], "later.ndjson")


def reviewed_home(folder: Path) -> None:
    """January waits for people as a draft, and an event of it came after."""
    home, clock = make_reviewed_home(folder, now=DRAFTED_AT, customers=("acme", "birch"))
    with home:
        ingest(home, [each for each in SENT if each["subject"] != "key-cedar"])
        close(home, as_of=clock.now())
        clock.set_to(IN_THE_WINDOW)
        ingest(home, LATE, "later.ndjson")


def balanced_home(folder: Path) -> None:
    """January and February are over and not billed; acme has credit, a commitment and a fee in advance."""
    home, _ = make_balances_home(folder, now=FEBRUARY_3)
    with home:
        two_months(home)


def alerted_home(folder: Path) -> None:
    """January waits for what is said of an alert."""
    home, clock = make_home(folder, now=parse_instant("2026-01-20T10:00:00Z"))
    with home:
        ingest(home, january(70)[:200], "usual.ndjson")
        clock.set_to(parse_instant("2026-01-21T10:00:00Z"))
        ingest(home, [call(10_000 + place, "acme", "never") for place in range(150)], "bad.ndjson")
        watch_to_head(home)


def grant(home: Home, id: str, amount: str, *, kind: str = "promotional") -> None:
    order = GrantOrder("acme", amount, None, kind, 100, SINCE, None, (), ())
    grant_credit(home, order, grant_id=id, person="Fay", reason="agreed")


HOMES: Final = {
    "sealed": (sealed_home, NOW),
    "reviewed": (reviewed_home, IN_THE_WINDOW),
    "balanced": (balanced_home, NOW),
    "alerted": (alerted_home, NOW),
}
"""What makes it, and when the first of a story is decided there."""
