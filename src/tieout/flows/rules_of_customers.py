"""Which rules are for whom at an instant, without asking every rule about everybody: there may be as many
rules as customers."""

from __future__ import annotations

from bisect import bisect_right

from tieout.contract.catalog import Catalog
from tieout.contract.own_alert import OwnAlert
from tieout.flows.own_settings import OwnBook
from tieout.flows.trigger_rules import Rule, Rules, plans_at, rules_in_force
from tieout.kernel.ids import CustomerId, PlanKey
from tieout.kernel.instant import Instant


class RulesOfCustomers:
    """Of one catalog, with those that customers have set for themselves in `book`. Remembers the rules of the
    instant that was asked for last, as long as they hold."""

    def __init__(self, catalog: Catalog, book: OwnBook) -> None:
        self.catalog = catalog
        self.book = book
        changes = {each.effective_from for each in (*catalog.alerts, *catalog.charge_controls)}
        self._changes = sorted(changes)
        self._place: int | None = None
        self._rules: tuple[Rule, ...] = ()
        self._everyones: list[int] = []
        self._by_customer: dict[CustomerId, list[int]] = {}
        self._by_plan: dict[PlanKey, list[int]] = {}

    def at(self, instant: Instant) -> Rules:
        """As `rules_in_force` has them."""
        return Rules(self._shared(instant), instant, self.book)

    def _shared(self, instant: Instant) -> tuple[Rule, ...]:
        """Those of the catalog; the same tuple for as long as nothing changes."""
        place = bisect_right(self._changes, instant)
        if place != self._place:
            self._place, self._rules = place, rules_in_force(self.catalog, instant).shared
            self._everyones, self._by_customer, self._by_plan = [], {}, {}
            for number, rule in enumerate(self._rules):
                self._list(number, rule)
        return self._rules

    def of(self, customer: CustomerId, instant: Instant) -> tuple[Rule, ...]:
        """Those that are for the customer: the catalog's in the order of `at`, then its own."""
        rules = self._shared(instant)
        found = {*self._everyones, *self._by_customer.get(customer, ())}
        for plan in plans_at(self.catalog, customer, instant) if self._by_plan else ():
            found.update(self._by_plan.get(PlanKey(plan), ()))
        return (*(rules[number] for number in sorted(found)), *self.at(instant).own(customer))

    def _list(self, number: int, rule: Rule) -> None:
        assert not isinstance(rule.document, OwnAlert), "the catalog has none"
        whom = rule.document.whom
        if whom.everyone:
            self._everyones.append(number)
        for customer in whom.customers:
            self._by_customer.setdefault(customer, []).append(number)
        for plan in whom.plans:
            self._by_plan.setdefault(plan, []).append(number)
