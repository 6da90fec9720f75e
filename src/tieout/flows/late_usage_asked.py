"""What rules ask of a period that is over, where usage arrived for it late: those that stood at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tieout.close.calendar import PeriodDefault, calendar_of, is_active
from tieout.contract.catalog import Catalog
from tieout.contract.watching import Figure
from tieout.flows.rules_of_customers import RulesOfCustomers
from tieout.flows.trigger_rules import Rule, of_figures
from tieout.flows.usage_readings import Asked, asked_usage, running_periods
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.period import Period


def late_usage_asked(
    rules: RulesOfCustomers,
    defaults: Sequence[PeriodDefault],
    customer: CustomerId,
    hours: Iterable[Instant],
    *,
    now_in_force: Iterable[Rule],
    at: Instant,
) -> list[Asked]:
    """By period, then by rule. `hours`: in which events came; `now_in_force`: a rule that was disabled since,
    or is gone, says nothing more about earlier periods either. Raises `NothingInForce`."""
    keys = {(rule.id.kind, rule.id.key) for rule in now_in_force}
    found: list[Asked] = []
    for period in _over(rules.catalog, defaults, customer, hours, at):
        last = Instant(period.end - 1)
        stood = of_figures(rules.of(customer, last), Figure.USAGE)
        stood = tuple(rule for rule in stood if (rule.id.kind, rule.id.key) in keys)
        if stood:
            running = running_periods(rules.catalog, defaults, customer, last)
            over = [each for each in running if each.period == period]
            found += [replace(each, at=last) for each in asked_usage(rules.catalog, stood, over, last)]
    return found


def _over(
    catalog: Catalog,
    defaults: Sequence[PeriodDefault],
    customer: CustomerId,
    hours: Iterable[Instant],
    at: Instant,
) -> list[Period]:
    """The periods that were over at `at` and touch one of the hours. Each subscription goes by a calendar of
    its own: a year of one hides no month of another."""
    bounds = [bound for hour in hours for bound in (hour, Instant(hour + HOUR_MICROSECONDS - 1))]
    found: set[Period] = set()
    for subscription in catalog.subscriptions_of(customer):
        calendar = calendar_of(catalog, subscription, defaults)
        mine: set[Period] = set()
        for instant in bounds:
            begun = bool(subscription.phases) and subscription.phases[0].start <= instant
            if begun and not any(period.contains(instant) for period in mine):
                mine.add(calendar.at(instant).period)
        found |= {each for each in mine if each.end <= at and is_active(subscription, each)}
    return sorted(found)
