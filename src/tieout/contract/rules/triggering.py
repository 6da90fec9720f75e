"""Alerts, charge controls, budgets and features name customers, plans and meters that are there, and are
measured in what their customers pay in."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from tieout.contract.alert import Alert
from tieout.contract.charge_control import ChargeControl
from tieout.contract.document import DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.kernel.errors import shown


def check_triggers(draft: Draft) -> Iterator[Problem]:
    """Rules first, then budgets and features."""
    rules: list[tuple[DocumentKind, Alert | ChargeControl]] = [
        *((DocumentKind.ALERT, alert) for alert in draft.catalog.alerts),
        *((DocumentKind.CHARGE_CONTROL, control) for control in draft.catalog.charge_controls),
    ]
    for kind, rule in rules:
        for name, message in (*_whom(draft, rule), *_misfits(draft, rule)):
            yield draft.problem(kind, rule, name, message)
    yield from _budgets(draft)
    yield from _features(draft)


def _whom(draft: Draft, rule: Alert | ChargeControl) -> Iterator[tuple[str, str]]:
    """Customers and plans that are there, and pay in the currency of the rule."""
    for place, customer in enumerate(rule.whom.customers):
        unknown = draft.missing(DocumentKind.CUSTOMER, customer)
        if unknown is not None:
            yield f"customers[{place}]", unknown
            continue
        pays = {each.currency for each in draft.catalog.customers.versions(customer)}
        yield from _other_currency(rule, pays, f"customer {customer} pays in")
    for place, plan in enumerate(rule.whom.plans):
        unknown = draft.missing(DocumentKind.PLAN, plan)
        if unknown is not None:
            yield f"plans[{place}]", unknown
            continue
        asks = {each.currency for each in draft.catalog.plans.versions(plan)}
        yield from _other_currency(rule, asks, f"plan {plan} asks in")


def _other_currency(rule: Alert | ChargeControl, known: set[str], words: str) -> Iterator[tuple[str, str]]:
    currency = rule.watch.currency
    if currency is not None and known and currency not in known:
        yield "currency", f"{words} {', '.join(sorted(known))}, the rule is in {currency}"


def _misfits(draft: Draft, rule: Alert | ChargeControl) -> Iterator[tuple[str, str]]:
    if isinstance(rule, ChargeControl):
        if rule.key in draft.catalog.alerts:
            yield "key", f"there is an alert {rule.key}: rules are named by their keys alone"
        known = {each.key for plan in draft.catalog.plans for each in plan.features}
        for place, feature in enumerate(rule.features):
            if feature not in known:
                yield f"features[{place}]", _no_feature(feature, known)
    else:
        for place, target in enumerate(rule.targets):
            unknown = draft.missing(DocumentKind.NOTICE_TARGET, target)
            if unknown is not None:
                yield f"targets[{place}]", unknown
    if rule.watch.meter is not None:
        unknown = draft.missing(DocumentKind.METER, rule.watch.meter, since=rule.effective_from)
        if unknown is not None:
            yield "meter", unknown


def _no_feature(feature: str, known: set[str]) -> str:
    """A hold of what no plan has would hold nothing."""
    near = get_close_matches(feature, sorted(known), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no plan has the feature {shown(feature)}{hint}"


def _budgets(draft: Draft) -> Iterator[Problem]:
    held: dict[str, str] = {}
    for budget in draft.catalog.budgets:
        unknown = draft.missing(DocumentKind.CUSTOMER, budget.customer)
        if unknown is not None:
            yield draft.problem(DocumentKind.BUDGET, budget, "customer", unknown)
            continue
        others = {each.currency for each in draft.catalog.customers.versions(budget.customer)}
        if others and budget.currency not in others:
            message = f"customer {budget.customer} pays in {', '.join(sorted(others))}"
            yield draft.problem(DocumentKind.BUDGET, budget, "currency", message)
        first = held.setdefault(budget.customer, budget.key)
        if first != budget.key:
            message = f"customer {budget.customer} has budget {first} already; give that one a new version"
            yield draft.problem(DocumentKind.BUDGET, budget, "customer", message)


def _features(draft: Draft) -> Iterator[Problem]:
    for plan in draft.catalog.plans:
        for place, feature in enumerate(plan.features):
            if feature.meter is None:
                continue
            unknown = draft.missing(DocumentKind.METER, feature.meter, since=plan.effective_from)
            if unknown is not None:
                yield draft.problem(DocumentKind.PLAN, plan, f"feature[{place}].meter", unknown)
