"""Every period is dated in the zone that its customer has at its last instant, and whoever names its days, by
that zone or by the one in which it started, means it: whatever zones come one after the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.calendars import ANN, PLAN, catalog_of, subscribed
from tieout.close.calendar import PeriodDefault, calendar_of
from tieout.close.period_zone import days_of, period_said, periods_around, zone_of
from tieout.contract.subscription import Phase
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PlanKey
from tieout.kernel.instant import Instant, from_datetime, to_datetime
from tieout.kernel.period import Period

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kolkata",
)
START = datetime(2026, 1, 1, tzinfo=UTC)
CADENCES = st.sampled_from([Cadence.DAILY, Cadence.WEEKLY, Cadence.MONTHLY, Cadence(days=10)])
CHANGES = st.dictionaries(st.integers(1, 100 * 24 * 60), st.sampled_from(ZONES), min_size=1, max_size=3)
"""Minutes after the start, and the zone from then on."""
UNTIL = from_datetime(datetime(2026, 5, 1, tzinfo=UTC))


def naive_day(instant: Instant, zone_name: str) -> date:
    return to_datetime(instant).astimezone(ZoneInfo(zone_name)).date()


@given(first=st.sampled_from(ZONES), changes=CHANGES, cadence=CADENCES)
def test_a_period_is_found_by_its_days_whatever_zones_its_customer_has(
    first: str, changes: dict[int, str], cadence: Cadence
) -> None:
    told = [(Instant(0), first)]
    told += [
        (from_datetime(START + timedelta(minutes=minutes)), name) for minutes, name in sorted(changes.items())
    ]
    profiles = [
        replace(ANN, version=place, zone=name, effective_from=since)
        for place, (since, name) in enumerate(told, start=1)
    ]
    subscription = subscribed(Phase(PlanKey("basic"), None, from_datetime(START), None))
    defaults = (PeriodDefault(Instant(0), cadence),)
    catalog = catalog_of(subscription, *profiles, plans=(PLAN,))
    calendar = calendar_of(catalog, subscription, defaults)
    periods = [each.period for each in calendar.begun(since=None, until=UNTIL)]
    assert all(before.end == after.start for before, after in pairwise(periods))
    for period in periods:
        last = [name for since, name in told if since < period.end][-1]
        began = [name for since, name in told if since <= period.start][-1]
        assert zone_of(catalog, ANN.key, period) == last
        dated = naive_day(period.start, last), naive_day(period.end, last)
        assert days_of(catalog, ANN.key, period) == dated
        for days in (dated, (naive_day(period.start, began), naive_day(period.end, began))):
            if days[0] == days[1]:
                continue  # a stub of some hours, which nobody can name by days
            found = period_said(catalog, ANN.key, periods_around(catalog, ANN.key, defaults, days), days)
            assert found is not None and days in _named(found, told)
            if cadence.months:
                assert found == period, "short periods alone can share their days with another one"


def _named(period: Period, told: list[tuple[Instant, str]]) -> list[tuple[date, date]]:
    """Its days in the zone in which it started, and in the one that it has at its last instant."""
    zones = [[name for since, name in told if since <= at][-1] for at in (period.start, period.last_instant)]
    return [(naive_day(period.start, each), naive_day(period.end, each)) for each in zones]
