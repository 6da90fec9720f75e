"""One look at the rules: from where the last one ended to the end of the log; what it found is written once.

Usage is read batch by batch, of the customers that a batch touched, as of its end and at the instant it was
received: what crosses and un-crosses between two looks is found as it happened. The figures follow the log as
live usage does (`LookFigures`). Exposure, projection, growth and the ends of contracts are read once, at the
end. Everything a look finds goes into one transaction with
how far it looked (L16); whoever dies before it finds the same again, whoever comes second starts again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tieout.contract.charge_control import ChargeControl, HoldEnds
from tieout.contract.watching import Figure
from tieout.flows.crossing_words import crossing_notices, effect_notice, effect_reason, late_notice
from tieout.flows.figure_readings import contract_readings, growth_readings, money_readings
from tieout.flows.fold_batch import committed
from tieout.flows.home import Home
from tieout.flows.look_figures import LookFigures
from tieout.flows.open_accounts import billing_facts
from tieout.flows.trigger_rules import Rule, customers_of, has_rules
from tieout.flows.usage_readings import Read, Unread
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact
from tieout.notice.notice import Notice
from tieout.ports.live import CommittedBatch
from tieout.ports.triggers import Look, LookedElsewhere, TriggerStore
from tieout.trigger.charge.control import Effect, effect_of
from tieout.trigger.crossing import (
    Change,
    ChangeKind,
    Reading,
    RuleId,
    Scope,
    ThresholdState,
    changes,
    late_changes,
)

ROWS_PER_LOOK: Final = 65_536
"""Events of the batches that one look takes in, unless a single batch has more."""
ATTEMPTS_MAX: Final = 10
Threshold = tuple[RuleId, Scope, Exact]


@dataclass(frozen=True, slots=True)
class LookReport:
    """What one look recorded. `reached_head`: no batch was left, so money, growth and contracts were read.
    `unread`: what could not be told, and why; it is looked at again by the next look."""

    since: Watermark | None
    until: Watermark
    reached_head: bool
    changes: tuple[Change, ...]
    effects: tuple[tuple[Effect, str], ...]
    unread: tuple[Unread, ...]


@dataclass(slots=True)
class _Found:
    """What a look has found so far, on top of the states that are recorded, which are read when their
    customer is first met."""

    store: TriggerStore
    states: dict[CustomerId, dict[Threshold, ThresholdState]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    effects: list[tuple[Effect, str]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def meet(self, customers: Iterable[CustomerId]) -> None:
        unmet = [each for each in customers if each not in self.states]
        self.states |= {each: {} for each in unmet}
        for key, state in self.store.states(unmet).items() if unmet else ():
            self.states[key[1].customer][key] = state

    def read(self, rule: Rule, scope: Scope, reading: Reading, *, late: bool = False) -> None:
        keys = [(rule.id, scope, threshold) for threshold in rule.watch.at]
        states = self.states[scope.customer]
        before = [states.get(key, ThresholdState()) for key in keys]
        compared = late_changes if late else changes
        after, changed = compared(rule.id, rule.watch, scope, before, reading)
        states.update(zip(keys, after, strict=True))
        for change in changed:
            self._tell(rule, change)

    def end_earlier(self, rule: Rule, scope: Scope, reading: Reading) -> None:
        """A hold that ends below: in a new period its figure starts anew, and what was crossed in the one
        before is below again as soon as this one is."""
        document = rule.document
        if not isinstance(document, ChargeControl) or document.ends is not HoldEnds.BELOW:
            return
        states = self.states[scope.customer]
        for (of, earlier, threshold), state in list(states.items()):
            ours = of == rule.id and threshold in rule.watch.at
            if not ours or state.armed or earlier.period.end > scope.period.start:
                continue
            after, changed = changes(rule.id, rule.watch, earlier, [state], reading)
            states[of, earlier, threshold] = after[0]
            for change in changed:
                self._tell(rule, change)

    def _tell(self, rule: Rule, change: Change) -> None:
        self.changes.append(change)
        document = rule.document
        if not isinstance(document, ChargeControl):
            if change.kind is ChangeKind.CROSSED:
                self.notices += crossing_notices(rule, document, change)
            return
        effect = effect_of(document, change)
        if effect is None and change.is_late:
            self.notices.append(late_notice(rule, change))
        if effect is not None:
            reason = effect_reason(rule, change)
            self.effects.append((effect, reason))
            self.notices.append(effect_notice(rule, change, effect, reason))


def look_at_rules(
    home: Home,
    *,
    everyone: bool = True,
    also: frozenset[CustomerId] = frozenset(),
    figures: LookFigures | None = None,
) -> LookReport:
    """Finds and records. With `everyone`, usage too is read at the end of the log for all whom a rule is
    for, so that a rule that came into force is crossed where its figure is there already; else only what the
    batches touched is read, and whoever is in `also`. A first look does not go back into the log. `figures`:
    those of the looks before, where one process looks again and again.

    Where there is no rule at all nothing is read or recorded. Raises `LookedElsewhere` where others were
    faster every time.
    """
    figures = LookFigures(home) if figures is None else figures
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return _look(home, figures, everyone=everyone, also=also)
        except LookedElsewhere:
            continue
    return _look(home, figures, everyone=everyone, also=also)


def look_to_head(
    home: Home,
    *,
    everyone: bool = True,
    also: frozenset[CustomerId] = frozenset(),
    figures: LookFigures | None = None,
) -> list[LookReport]:
    """Looks until one has reached the end of the log."""
    figures = LookFigures(home) if figures is None else figures
    reports = [look_at_rules(home, everyone=everyone, also=also, figures=figures)]
    while not reports[-1].reached_head:
        reports.append(look_at_rules(home, everyone=everyone, also=also, figures=figures))
    return reports


def _look(home: Home, figures: LookFigures, *, everyone: bool, also: frozenset[CustomerId]) -> LookReport:
    store, now = home.books.triggers, home.clock.now()
    since = store.looked()
    found = _Found(store)
    head = home.log.head()
    figures.begin(head if since is None else since)
    if not has_rules(figures.catalog, figures.rules.book):
        return LookReport(since, head, True, (), (), ())
    batches = [] if since is None else committed(home, since, rows_max=ROWS_PER_LOOK)
    touched = _at_batches(figures, found, batches)
    until = head if since is None else batches[-1].number if batches else since
    reached = until >= head
    if reached:
        chosen = None if everyone or since is None else touched | also
        _at_end(home, figures, found, until, now, chosen)
    if found.changes or until != since:
        look = Look(since or Watermark(0), until, found.changes, found.effects, found.notices)
        store.record(look, at=now)
    return LookReport(since, until, reached, tuple(found.changes), tuple(found.effects), tuple(found.unread))


def _at_batches(figures: LookFigures, found: _Found, batches: Sequence[CommittedBatch]) -> set[CustomerId]:
    """Usage at the end of each, first of periods that were over; returns whose it may have changed."""
    touched = [figures.touched(batch) for batch in batches]
    customers = {customer for each in touched for customer in each.customers}
    figures.meet(touched)
    found.meet(customers)
    for each in touched:
        figures.fold(each.batch)
        late, unread = figures.read_late(each)
        for rule, scope, reading in late:
            found.read(rule, scope, reading, late=True)
        found.unread += unread
        _take(found, *figures.read(each.customers, each.batch.received_at))
    return customers


def _at_end(
    home: Home,
    figures: LookFigures,
    found: _Found,
    head: Watermark,
    now: Instant,
    chosen: Collection[CustomerId] | None,
) -> None:
    catalog, rules = figures.catalog, figures.rules.at(now)
    asked = catalog.customers.keys if chosen is None else sorted(chosen)
    customers = [CustomerId(each) for each in asked if figures.rules.of(CustomerId(each), now)]
    if not customers:
        return
    found.meet(customers)
    _take(found, *figures.read(customers, now), ends_earlier=True)
    money = rules.of_figures(Figure.EXPOSURE, Figure.PROJECTED)
    growth = rules.of_figures(Figure.GROWTH)
    if money or growth:
        facts = billing_facts(home, customers)
        _take(
            found,
            *money_readings(home, facts, money, customers, watermark=head, now=now),
            ends_earlier=True,
        )
        _take(found, *growth_readings(home, facts, growth, customers, watermark=head, now=now))
    ends = rules.of_figures(Figure.CONTRACT_END)
    _take(found, contract_readings(catalog, ends, customers, watermark=head, now=now), ())


def _take(
    found: _Found, readings: Iterable[Read], unread: Iterable[Unread], *, ends_earlier: bool = False
) -> None:
    for rule, scope, reading in readings:
        found.read(rule, scope, reading)
        if ends_earlier:
            found.end_earlier(rule, scope, reading)
    found.unread += unread


def readings_now(
    home: Home, key: str | None = None, customer: CustomerId | None = None
) -> tuple[list[Read], list[Unread]]:
    """What every rule in force reads now, crossed or not; nothing is recorded."""
    now, head = home.clock.now(), home.log.head()
    figures = LookFigures(home)
    figures.begin(head)
    catalog = figures.catalog
    rules = figures.rules.at(now).named(key)
    customers = customers_of(catalog, rules, now)
    if customer is not None:
        customers = tuple(each for each in customers if each == customer)
    facts = billing_facts(home, customers)
    usage = figures.read(customers, now, key=key)
    money = money_readings(
        home, facts, rules.of_figures(Figure.EXPOSURE, Figure.PROJECTED), customers, watermark=head, now=now
    )
    growth = growth_readings(home, facts, rules.of_figures(Figure.GROWTH), customers, watermark=head, now=now)
    ends = contract_readings(
        catalog, rules.of_figures(Figure.CONTRACT_END), customers, watermark=head, now=now
    )
    return [*usage[0], *money[0], *growth[0], *ends], [*usage[1], *money[1], *growth[1]]
