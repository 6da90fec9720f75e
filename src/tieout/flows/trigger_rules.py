"""The rules in force at an instant, and whom they are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tieout.contract.alert import Alert
from tieout.contract.catalog import Catalog
from tieout.contract.charge_control import ChargeControl
from tieout.contract.watching import Figure, Watch, Whom
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.trigger.crossing import RuleId, RuleKind


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled version of an alert or a charge control."""

    id: RuleId
    document: Alert | ChargeControl

    @property
    def watch(self) -> Watch:
        return self.document.watch

    @property
    def name(self) -> str:
        return self.document.name


def rules_in_force(catalog: Catalog, at: Instant) -> tuple[Rule, ...]:
    """Alerts, then charge controls, by key."""
    found: list[Rule] = []
    for key in catalog.alerts.keys:
        alert = catalog.alerts.at(key, at)
        if alert is not None and alert.enabled:
            found.append(Rule(RuleId(RuleKind.ALERT, alert.key, alert.version), alert))
    for key in catalog.charge_controls.keys:
        control = catalog.charge_controls.at(key, at)
        if control is not None and control.enabled:
            found.append(Rule(RuleId(RuleKind.CHARGE_CONTROL, control.key, control.version), control))
    return tuple(found)


def of_figures(rules: tuple[Rule, ...], *figures: Figure) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.watch.figure in figures)


def is_for(whom: Whom, catalog: Catalog, customer: CustomerId, at: Instant) -> bool:
    """By key, by a plan that a subscription is on at that instant, or everyone."""
    return (
        whom.everyone
        or customer in whom.customers
        or any(plan in whom.plans for plan in plans_at(catalog, customer, at))
    )


def customers_of(catalog: Catalog, rules: tuple[Rule, ...], at: Instant) -> tuple[CustomerId, ...]:
    """Those that any of the rules is for, by key."""
    return tuple(
        CustomerId(key)
        for key in catalog.customers.keys
        if any(is_for(rule.document.whom, catalog, CustomerId(key), at) for rule in rules)
    )


def plans_at(catalog: Catalog, customer: CustomerId, at: Instant) -> Iterator[str]:
    for subscription in catalog.subscriptions_of(customer):
        for phase in subscription.phases:
            if phase.start <= at and (phase.end is None or at < phase.end):
                yield phase.plan
