"""How another system billed a period twice, each as a test that ours does not: lago-api pull requests 1074,
879, 662 and 660. One invoice for each period, whatever the zone, the hour of the close, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.small_home import CATALOG, CUSTOMER, POLICY, call, ingest, sign_policy
from tieout.close.outcome import Sealed
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.wiring import create_home

SIGNED = parse_instant("2022-12-01T00:00:00Z")
AHEAD = ["Europe/Paris", "Asia/Tokyo", "Pacific/Kiritimati", "Australia/Lord_Howe"]
BEHIND = ["America/New_York", "Pacific/Honolulu", "Pacific/Niue"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    clock = SteppedClock(SIGNED)
    home = create_home(tmp_path / "home", clock=clock)
    with home:
        yield home, clock


def opened(home: Home, zone: str, start: str, *, cadence: str, anchor: str) -> None:
    text = CATALOG + CUSTOMER.format(key="acme", zone=zone, start=start)
    text = text.replace("2025-12-31T00", "2022-12-31T00").replace("2025-01-01T00", "2022-01-01T00")
    apply_from(home, text, "catalog.toml")
    papers = home.folder / "papers"
    papers.mkdir()
    policy = POLICY.replace("2025-12-01", "2022-12-01").replace("monthly", cadence).replace("= 24", "= 0")
    sign_policy(home, papers, policy + f'anchor = "{anchor}"\n')


def apply_from(home: Home, text: str, name: str) -> None:
    (home.folder / name).write_text(text)
    apply_catalog(home, home.folder / name)


def closed_every_hour(home: Home, clock: SteppedClock, since: str, hours: int) -> int:
    """How many invoices were sealed in all, with a close at every full hour and one more at the end."""
    sealed = 0
    start = parse_instant(since)
    for hour in (*range(hours), hours - 1):
        clock.set_to(Instant(start + hour * HOUR_MICROSECONDS))
        report = close(home, as_of=clock.now())
        sealed += sum(isinstance(outcome, Sealed) for _, _, outcome in report.outcomes)
    return sealed


def periods(home: Home) -> Sequence[tuple[Instant, Instant]]:
    return [(row.period.start, row.period.end) for row in list_invoices(home)]


def test_a_weekly_anniversary_closed_on_both_sides_of_midnight(town: tuple[Home, SteppedClock]) -> None:
    """1074: started on 23 May in Paris, billed on 30 May at 20:00 and again at 23:00 UTC, the 31st there."""
    home, clock = town
    opened(home, "Europe/Paris", "2023-05-23T09:00:00+02:00", cadence="weekly", anchor="anniversary")
    assert closed_every_hour(home, clock, "2023-05-29T18:00:00Z", 30) == 1
    ((start, end),) = periods(home)
    assert format_instant(start) == "2023-05-22T22:00:00Z"
    assert format_instant(end) == "2023-05-29T22:00:00Z"


@pytest.mark.parametrize("zone", [*AHEAD, *BEHIND])
@pytest.mark.parametrize("anchor", ["calendar", "anniversary"])
def test_a_billing_day_ahead_of_or_behind_utc(
    town: tuple[Home, SteppedClock], zone: str, anchor: str
) -> None:
    """879, 662: the check for a second invoice compared days in another zone than the billing did."""
    home, clock = town
    opened(home, zone, "2023-02-01T12:00:00Z", cadence="monthly", anchor=anchor)
    assert closed_every_hour(home, clock, "2023-02-28T08:00:00Z", 32) == 1
    ((start, end),) = periods(home)
    assert start <= parse_instant("2023-02-01T12:00:00Z") < end


def test_a_day_of_many_closes_bills_each_day_once(town: tuple[Home, SteppedClock]) -> None:
    """662: billed on the day of its creation, and again on its billing day, where the two are one."""
    home, clock = town
    opened(home, "Asia/Kolkata", "2023-02-01T00:00:00+05:30", cadence="daily", anchor="anniversary")
    assert closed_every_hour(home, clock, "2023-02-01T00:00:00Z", 72) == 3
    assert all(before[1] == after[0] for before, after in pairwise(periods(home)))


@pytest.mark.parametrize(
    ("old", "new"), [("Asia/Tokyo", "Pacific/Honolulu"), ("Pacific/Honolulu", "Asia/Tokyo")]
)
def test_a_change_of_zone_bills_no_hour_twice_and_none_never(
    town: tuple[Home, SteppedClock], old: str, new: str
) -> None:
    """660: after the change the next invoice began before the last one ended, or after it."""
    home, clock = town
    opened(home, old, "2023-01-01T12:00:00Z", cadence="monthly", anchor="calendar")
    clock.set_to(parse_instant("2023-02-03T00:00:00Z"))
    close(home, as_of=clock.now())
    moved = CUSTOMER.format(key="acme", zone=new, start="").split("[[subscription]]")[0]
    moved = moved.replace("version = 1", "version = 2").replace("2025-01-01T00", "2023-02-10T00")
    apply_from(home, moved, "moved.toml")
    clock.set_to(parse_instant("2023-04-03T00:00:00Z"))
    hours = [f"2023-{month:02d}-{day:02d}T{hour:02d}:30:00Z"
             for month, day in ((2, 28), (3, 1), (3, 31)) for hour in range(24)]  # fmt: skip
    ingest(home, [call(number, "acme", time, tokens=1) for number, time in enumerate(hours)])
    assert closed_every_hour(home, clock, "2023-04-03T00:00:00Z", 2) == len(periods(home)) - 1
    found = periods(home)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    until = found[-1][1]
    counted = [snapshot for snapshot in home.books.invoices.snapshots() if snapshot.meter == "calls"]
    assert sum(snapshot.event_count for snapshot in counted) == sum(
        parse_instant(time) < until for time in hours
    )
