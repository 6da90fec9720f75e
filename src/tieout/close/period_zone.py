"""On whose clocks a billing period is dated: those of the zone that its customer has at the period's last
instant, which is the profile that its paper shows (decision record 0057).

A period runs in the zone that the customer has when it starts, so after a change of zone inside it the two
are not the same, and its days begin and end at other hours than midnight. A moment that belongs to no period
is dated in the zone that the customer has at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from tieout.close.calendar import PeriodDefault, calendar_of, is_active
from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer
from tieout.kernel.calendar import DayOutsideCalendar, OutsideCalendar, local_date, local_midnight
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.zone import zone

NOBODYS_ZONE = "UTC"
"""Where no profile says one."""

Days = tuple[date, date]
"""The local days on which a period starts and ends; the last one exclusive where it ends at midnight."""


def profile_of(catalog: Catalog, customer: str, period: Period) -> Customer | None:
    """The one that a paper of the period shows; None where none is in force by then."""
    return catalog.customers.at(customer, period.last_instant)


def zone_of(catalog: Catalog, customer: str, period: Period) -> str:
    """In which a period is dated, shown and recorded. Once it is sealed, its document says the same."""
    return zone_then(catalog, customer, period.last_instant)


def zone_then(catalog: Catalog, customer: str, instant: Instant) -> str:
    """In which a moment is dated. Before the first profile that one holds, as for periods."""
    found = catalog.customers.at(customer, instant) or next(iter(catalog.customers.versions(customer)), None)
    return NOBODYS_ZONE if found is None else found.zone


def days_of(catalog: Catalog, customer: str, period: Period) -> Days:
    return _days(period, zone_of(catalog, customer, period))


def period_said(catalog: Catalog, customer: str, periods: Iterable[Period], said: Days) -> Period | None:
    """The one that somebody means who names these days: they are its days by the rule, or were in the zone in
    which it started. Two short ones may have the same days by the rule; then the zone of the start decides.
    """
    known = list(dict.fromkeys(periods))
    began = [each for each in known if _days(each, zone_then(catalog, customer, each.start)) == said]
    dated = [each for each in known if days_of(catalog, customer, each) == said]
    both = [each for each in dated if each in began]
    return next(iter((*both, *dated, *began)), None)


def periods_around(
    catalog: Catalog, customer: str, defaults: Sequence[PeriodDefault], said: Days
) -> tuple[Period, ...]:
    """The billing periods that somebody can mean who names these days, in order: those in which a
    subscription runs that hold the first instant, or the last one, of the days in any zone that the customer
    ever had."""
    names = sorted({each.zone for each in catalog.customers.versions(customer)})
    calendars = [(each, calendar_of(catalog, each, defaults)) for each in catalog.subscriptions_of(customer)]
    found: set[Period] = set()
    for name in names:
        try:
            first, end = (local_midnight(day, zone(name)) for day in said)
            for subscription, calendar in calendars:
                both = {calendar.at(moment).period for moment in (first, Instant(end - 1))}
                found |= {period for period in both if is_active(subscription, period)}
        except (OutsideCalendar, DayOutsideCalendar, OverflowError):
            continue  # days at the very ends of the calendar, where no period can lie
    return tuple(sorted(found))


def _days(period: Period, zone_name: str) -> Days:
    place = zone(zone_name)
    return local_date(period.start, place), local_date(period.end, place)
