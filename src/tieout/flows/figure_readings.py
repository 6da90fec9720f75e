"""What is read once for each look: exposure and projection, growth, and the days a contract has left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest, clip
from tieout.contract.catalog import Catalog
from tieout.contract.own_alert import OwnAlert
from tieout.contract.watching import Figure, Growth, GrowthWindow, PercentOf
from tieout.flows.exposure import AccountExposure, Exposure, exposures
from tieout.flows.home import Home
from tieout.flows.open_accounts import BillingFacts
from tieout.flows.read_log import read_log
from tieout.flows.trigger_rules import Rule, Rules
from tieout.flows.usage_readings import Read, RunningPeriod, Unread, running_periods
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.kernel.rational import Exact
from tieout.trigger.crossing import Reading, Scope

DAY_MICROSECONDS: Final = 24 * HOUR_MICROSECONDS
WINDOW_MICROSECONDS: Final = {GrowthWindow.HOUR: HOUR_MICROSECONDS, GrowthWindow.DAY: DAY_MICROSECONDS}
DAY_UNIT: Final = "day"


def money_readings(
    home: Home,
    facts: BillingFacts,
    rules: Rules,
    customers: Sequence[CustomerId],
    *,
    watermark: Watermark,
    now: Instant,
) -> tuple[list[Read], list[Unread]]:
    """Of rules that watch exposure, now or projected: amounts are what is left to pay of the period;
    percentages of a budget are of what the period costs, of commitments of what draws them."""
    found: list[Read] = []
    unread: list[Unread] = []
    chosen = [each for each in customers if rules.of(facts.catalog, each, now)]
    answers = exposures(home, facts, chosen, now=now, watermark=watermark) if chosen else []
    for customer, answer in zip(chosen, answers, strict=True):
        mine = rules.of(facts.catalog, customer, now)
        if isinstance(answer, TieoutError):
            unread += [(rule, customer, str(answer)) for rule in mine]
            continue
        for rule in mine:
            found += [
                (rule, scope, reading)
                for account in answer.accounts
                for scope, reading in _of_account(facts.catalog, rule, answer, account)
            ]
    return found, unread


def _of_account(
    catalog: Catalog, rule: Rule, exposed: Exposure, account: AccountExposure
) -> Iterable[tuple[Scope, Reading]]:
    watch = rule.watch
    cost = account.now if watch.figure is Figure.EXPOSURE else account.projected
    if cost is None:
        return
    code = cost.invoice.currency.code
    scope = Scope(exposed.customer, account.period)
    value, whole = cost.due, None
    if watch.percent_of is PercentOf.BUDGET:
        whole = _budget(catalog, rule, exposed, code)
        if whole is None:
            return
        value = cost.spent
    elif watch.percent_of is PercentOf.COMMITMENT:
        if not cost.committed.minor:
            return
        value, whole = cost.drawn, cost.committed.as_fraction()
        scope = Scope(exposed.customer, account.committed_over)
    elif watch.currency != code:
        return
    yield scope, Reading(value.as_fraction(), whole, code, exposed.watermark, exposed.at)


def _budget(catalog: Catalog, rule: Rule, exposed: Exposure, code: str) -> Exact | None:
    """Alerts of a customer's own are measured by its own budget, all other rules by the catalog's, which no
    customer sets."""
    if isinstance(rule.document, OwnAlert):
        own = rule.budget
        return None if own is None or own.currency != code else own.amount
    for key in catalog.budgets.keys:
        found = catalog.budgets.at(key, exposed.at)
        if found is not None and found.customer == exposed.customer and found.currency == code:
            return found.amount
    return None


def growth_readings(
    home: Home,
    facts: BillingFacts,
    rules: Rules,
    customers: Iterable[CustomerId],
    *,
    watermark: Watermark,
    now: Instant,
) -> tuple[list[Read], list[Unread]]:
    """The running window of each customer against the mean of its windows before."""
    found: list[Read] = []
    unread: list[Unread] = []
    asked: list[tuple[Rule, RunningPeriod, tuple[UsageRequest, ...]]] = []
    for customer in customers:
        for rule in rules.of(facts.catalog, customer, now):
            try:
                running = running_periods(facts.catalog, facts.defaults, customer, now)
            except TieoutError as error:
                unread.append((rule, customer, str(error)))
                continue
            asked += [(rule, each, _windows(facts.catalog, rule, each, now)) for each in running[:1]]
    requests = [request for _, _, windows in asked for request in windows]
    answers = iter(
        read_log(
            home, lambda manifest: list(home.engine.measure_each(requests, manifest)), watermark=watermark
        )
        if requests
        else ()
    )
    for rule, each, windows in asked:
        taken = [next(answers) for _ in windows]
        failed = next((one for one in taken if isinstance(one, Unmeasurable)), None)
        if failed is not None:
            unread.append((rule, each.customer, str(failed)))
            continue
        reading = _growth(rule, [one for one in taken if isinstance(one, Snapshot)], watermark, now)
        if reading is not None:
            found.append((rule, Scope(each.customer, each.period), reading))
    return found, unread


def _windows(catalog: Catalog, rule: Rule, running: RunningPeriod, now: Instant) -> tuple[UsageRequest, ...]:
    """The running one, then those before it; all by the version of the meter that is in force."""
    growth, key = rule.watch.growth, rule.watch.meter
    meter = None if key is None else catalog.meters.at(key, now)
    if growth is None or meter is None:
        return ()
    length = WINDOW_MICROSECONDS[growth.window]
    start = now - now % length
    spans = catalog.subjects.of_customer(running.customer)
    return tuple(
        UsageRequest(
            meter,
            running.subscriptions[0].key,
            running.customer,
            period,
            clip(spans, running.customer, period),
        )
        for place in range(growth.windows + 1)
        for period in [Period(Instant(start - place * length), Instant(start - (place - 1) * length))]
    )


def _growth(rule: Rule, windows: Sequence[Snapshot], watermark: Watermark, now: Instant) -> Reading | None:
    """None where what was before is too little to grow from."""
    growth: Growth | None = rule.watch.growth
    if growth is None or not windows:
        return None
    before = sum((each.quantity.as_fraction() for each in windows[1:]), Exact(0))
    if before < growth.least:
        return None
    mean = before / growth.windows
    return Reading(windows[0].quantity.as_fraction(), mean, windows[0].unit, watermark, now)


def contract_readings(
    catalog: Catalog,
    rules: Rules,
    customers: Iterable[CustomerId],
    *,
    watermark: Watermark,
    now: Instant,
) -> list[Read]:
    """The days that each contract with an end has left. Its scope is the contract, not a billing period."""
    return [
        (rule, Scope(customer, Period(subscription.phases[0].start, subscription.end)), reading)
        for customer in customers
        for rule in rules.of(catalog, customer, now)
        for subscription in catalog.subscriptions_of(customer)
        if subscription.end is not None and subscription.phases[0].start <= now < subscription.end
        for reading in [
            Reading(Exact(subscription.end - now, DAY_MICROSECONDS), None, DAY_UNIT, watermark, now)
        ]
    ]
