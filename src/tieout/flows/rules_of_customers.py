"""Which rules are for whom at an instant, without asking every rule about everybody: there may be as many
rules as customers."""

from __future__ import annotations

from bisect import bisect_right

from tieout.contract.catalog import Catalog
from tieout.flows.trigger_rules import Rule, plans_at, rules_in_force
from tieout.kernel.ids import CustomerId, PlanKey
from tieout.kernel.instant import Instant


class RulesOfCustomers:
    """Of one catalog. Remembers the rules of the instant that was asked for last, as long as they hold."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        changes = {each.effective_from for each in (*catalog.alerts, *catalog.charge_controls)}
        self._changes = sorted(changes)
        self._place: int | None = None
        self._rules: tuple[Rule, ...] = ()
        self._everyones: list[int] = []
        self._by_customer: dict[CustomerId, list[int]] = {}
        self._by_plan: dict[PlanKey, list[int]] = {}

    def at(self, instant: Instant) -> tuple[Rule, ...]:
        """As `rules_in_force` has them; the same tuple for as long as nothing changes."""
        place = bisect_right(self._changes, instant)
        if place != self._place:
            self._place, self._rules = place, rules_in_force(self.catalog, instant)
            self._everyones, self._by_customer, self._by_plan = [], {}, {}
            for number, rule in enumerate(self._rules):
                self._list(number, rule)
        return self._rules

    def of(self, customer: CustomerId, instant: Instant) -> tuple[Rule, ...]:
        """Those that are for the customer, in the order of `at`."""
        rules = self.at(instant)
        found = {*self._everyones, *self._by_customer.get(customer, ())}
        for plan in plans_at(self.catalog, customer, instant) if self._by_plan else ():
            found.update(self._by_plan.get(PlanKey(plan), ()))
        return tuple(rules[number] for number in sorted(found))

    def _list(self, number: int, rule: Rule) -> None:
        whom = rule.document.whom
        if whom.everyone:
            self._everyones.append(number)
        for customer in whom.customers:
            self._by_customer.setdefault(customer, []).append(number)
        for plan in whom.plans:
            self._by_plan.setdefault(plan, []).append(number)
