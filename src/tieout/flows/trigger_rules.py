"""The rules in force at an instant, and whom they are for: those of the catalog, and those that customers
have set for themselves, which are many, and each of one customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tieout.contract.alert import Alert
from tieout.contract.catalog import Catalog
from tieout.contract.charge_control import ChargeControl
from tieout.contract.own_alert import OwnAlert
from tieout.contract.own_budget import OwnBudget
from tieout.contract.watching import Figure, Watch, Whom
from tieout.flows.own_settings import OwnBook
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.trigger.crossing import RuleId, RuleKind


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled version of an alert or a charge control, or an alert of a customer's own: that one alone is
    measured by the customer's own `budget`."""

    id: RuleId
    document: Alert | ChargeControl | OwnAlert
    budget: OwnBudget | None = None

    @property
    def watch(self) -> Watch:
        return self.document.watch

    @property
    def name(self) -> str:
        return self.document.name


@dataclass(frozen=True, slots=True)
class Rules:
    """`shared` are the catalog's; those of customers' own are looked up for whom they are asked. `figures`
    and `key` None: whichever."""

    shared: tuple[Rule, ...]
    at: Instant
    book: OwnBook = field(default_factory=OwnBook)
    figures: frozenset[Figure] | None = None
    key: str | None = None

    def __bool__(self) -> bool:
        return bool(self.shared) or any(self.own(customer) for customer in self.book.by_customer)

    def of_figures(self, *figures: Figure) -> Rules:
        return replace(self, shared=of_figures(self.shared, *figures), figures=frozenset(figures))

    def named(self, key: str | None) -> Rules:
        shared = tuple(rule for rule in self.shared if key in (None, rule.id.key))
        return replace(self, shared=shared, key=key)

    def own(self, customer: CustomerId) -> tuple[Rule, ...]:
        """Those that the customer has set for itself, by key."""
        settings = self.book.by_customer.get(customer)
        if settings is None:
            return ()
        budget = settings.budget(self.at)
        return tuple(
            Rule(RuleId(RuleKind.OWN_ALERT, alert.key, alert.version), alert, budget)
            for alert in settings.alerts(self.at).values()
            if (self.figures is None or alert.watch.figure in self.figures) and self.key in (None, alert.key)
        )

    def of(self, catalog: Catalog, customer: CustomerId, at: Instant) -> list[Rule]:
        """All that are for the customer: the catalog's, then its own."""
        return [*(rule for rule in self.shared if _is_for(rule, catalog, customer, at)), *self.own(customer)]


def rules_in_force(catalog: Catalog, at: Instant, book: OwnBook | None = None) -> Rules:
    """Alerts, then charge controls, by key; with `book`, those of customers' own too."""
    found: list[Rule] = []
    for key in catalog.alerts.keys:
        alert = catalog.alerts.at(key, at)
        if alert is not None and alert.enabled:
            found.append(Rule(RuleId(RuleKind.ALERT, alert.key, alert.version), alert))
    for key in catalog.charge_controls.keys:
        control = catalog.charge_controls.at(key, at)
        if control is not None and control.enabled:
            found.append(Rule(RuleId(RuleKind.CHARGE_CONTROL, control.key, control.version), control))
    return Rules(tuple(found), at, book or OwnBook())


def has_rules(catalog: Catalog, book: OwnBook) -> bool:
    """Whether there ever was any."""
    return bool(len(catalog.alerts) or len(catalog.charge_controls) or book.by_customer)


def of_figures(rules: tuple[Rule, ...], *figures: Figure) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.watch.figure in figures)


def is_for(whom: Whom, catalog: Catalog, customer: CustomerId, at: Instant) -> bool:
    """By key, by a plan that a subscription is on at that instant, or everyone."""
    return (
        whom.everyone
        or customer in whom.customers
        or any(plan in whom.plans for plan in plans_at(catalog, customer, at))
    )


def customers_of(catalog: Catalog, rules: Rules, at: Instant) -> tuple[CustomerId, ...]:
    """Those that any of the rules is for, by key."""
    return tuple(
        CustomerId(key)
        for key in catalog.customers.keys
        if any(_is_for(rule, catalog, CustomerId(key), at) for rule in rules.shared)
        or rules.own(CustomerId(key))
    )


def _is_for(rule: Rule, catalog: Catalog, customer: CustomerId, at: Instant) -> bool:
    document = rule.document
    if isinstance(document, OwnAlert):
        return document.customer == customer
    return is_for(document.whom, catalog, customer, at)


def plans_at(catalog: Catalog, customer: CustomerId, at: Instant) -> Iterator[str]:
    for subscription in catalog.subscriptions_of(customer):
        for phase in subscription.phases:
            if phase.start <= at and (phase.end is None or at < phase.end):
                yield phase.plan
