"""By when a dispute is answered and decided, on the customer's calendar."""

from __future__ import annotations

from datetime import timedelta

from tieout.dispute.event import Deadlines
from tieout.dispute.type import RULES, UPDATE_DAYS, DisputeType
from tieout.kernel.calendar import local_date, local_midnight
from tieout.kernel.instant import Instant
from tieout.kernel.zone import zone


def deadlines(type: DisputeType, at: Instant, zone_name: str) -> Deadlines:
    """Counted from the local day of `at`; that day itself does not count."""
    rule = RULES[type]
    return Deadlines(
        end_of_day(at, rule.respond_days, zone_name), end_of_day(at, rule.decide_days, zone_name)
    )


def next_update(at: Instant, zone_name: str) -> Instant:
    """When the customer hears the next time at the latest, while a hold stands."""
    return end_of_day(at, UPDATE_DAYS, zone_name)


def end_of_day(at: Instant, days: int, zone_name: str) -> Instant:
    """When the day that comes `days` after the local day of `at` has ended there."""
    place = zone(zone_name)
    return local_midnight(local_date(at, place) + timedelta(days=days + 1), place)
