"""What people see of rules and do about what they found: holds placed and released, reviews decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from tieout.contract.alert import Alert
from tieout.contract.charge_control import ChargeControl
from tieout.contract.watching import Watch
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.trigger_rules import Rules, customers_of, rules_in_force
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.rational import exact_text
from tieout.ports.triggers import Hold, NotOpen, RecordedChange, Review
from tieout.trigger.charge.control import ReviewDecision
from tieout.trigger.crossing import RuleKind

SHORT_LENGTH_MIN = 6
CHANGES_MAX = 1_000_000
Named = TypeVar("Named", Hold, Review)


class NoSuchRule(NotFound):
    """No alert or charge control of that key was ever applied."""

    code = "no-such-rule"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no alert or charge control {shown(key)}; `tieout alert list` names them.")


class NoSuchHold(NotFound):
    """No hold of that id, or more than one begins so."""

    code = "no-such-hold"

    def __init__(self, what: str, id: str, found: int) -> None:
        if found:
            super().__init__(f"{found} {what}s begin with {shown(id)}; give more of the id.")
        else:
            super().__init__(f"There is no {what} {shown(id)}; `tieout {what} list --all` names them.")


class HoldEndsBefore(Refusal):
    """A hold that is over when it begins."""

    code = "hold-ends-before"

    def __init__(self, until: Instant, now: Instant) -> None:
        super().__init__(f"The hold would end at {format_instant(until)}; it is {format_instant(now)}.")


class NoSuchFeature(Refusal):
    """No plan of the customer has it, so that holding it would hold nothing."""

    code = "no-such-feature"

    def __init__(self, customer: str, feature: str, known: Sequence[str]) -> None:
        listed = ", ".join(known) or "none"
        super().__init__(f"No plan of {customer} has the feature {shown(feature)}; there are: {listed}.")


class HoldNotMeant(Refusal):
    """Features or an end were given for a decision that places no hold."""

    code = "hold-not-meant"

    def __init__(self) -> None:
        super().__init__("--feature and --until belong to a decision to hold; leave them out to dismiss.")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """The latest version of a rule, and the one in force now (None: none). `customers`: how many it is for
    now; `changes` how often any version of it was crossed."""

    document: Alert | ChargeControl
    in_force: int | None
    customers: int
    crossed: int


def rule_rows(home: Home) -> tuple[RuleRow, ...]:
    """Alerts, then charge controls, by key."""
    catalog, now = load_catalog(home), home.clock.now()
    rules = rules_in_force(catalog, now).shared
    crossed: dict[tuple[str, str], int] = {}
    for each in home.books.triggers.changes_of(None, limit=CHANGES_MAX):
        if each.change.kind.value == "crossed":
            key = each.change.rule.kind.value, each.change.rule.key
            crossed[key] = crossed.get(key, 0) + 1
    latest: list[Alert | ChargeControl] = [catalog.alerts.versions(key)[-1] for key in catalog.alerts.keys]
    latest += [catalog.charge_controls.versions(key)[-1] for key in catalog.charge_controls.keys]
    rows = []
    for document in latest:
        kind = "alert" if isinstance(document, Alert) else "charge_control"
        mine = tuple(each for each in rules if (each.id.kind.value, each.id.key) == (kind, document.key))
        version = mine[0].id.version if mine else None
        count = len(customers_of(catalog, Rules(mine, now), now))
        rows.append(RuleRow(document, version, count, crossed.get((kind, document.key), 0)))
    return tuple(rows)


def rule_changes(
    home: Home, key: str, customer: CustomerId | None = None
) -> tuple[RuleRow, tuple[RecordedChange, ...]]:
    """The rule and what was recorded of it, the first change first. Raises `NoSuchRule`, `NoSuchCustomer`."""
    check_names(home, key, customer)
    row = next((each for each in rule_rows(home) if each.document.key == key), None)
    if row is None:
        raise NoSuchRule(key)
    found = home.books.triggers.changes_of(customer, limit=CHANGES_MAX)
    kind = RuleKind.ALERT if isinstance(row.document, Alert) else RuleKind.CHARGE_CONTROL
    return row, tuple(each for each in found if (each.change.rule.kind, each.change.rule.key) == (kind, key))


def check_names(home: Home, key: str | None, customer: str | None) -> None:
    """Raises `NoSuchRule` or `NoSuchCustomer`."""
    catalog = load_catalog(home)
    if key is not None and key not in catalog.alerts and key not in catalog.charge_controls:
        raise NoSuchRule(key)
    if customer is not None:
        _customer(home, customer)


def list_holds(home: Home, customer: str | None = None, *, released_too: bool = False) -> tuple[Hold, ...]:
    """Those that stand now. Raises `NoSuchCustomer`."""
    chosen = None if customer is None else [_customer(home, customer)]
    now = home.clock.now()
    return tuple(each for each in home.books.triggers.holds(chosen) if released_too or each.stands_at(now))


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """Not `is_new`: the same person holds the same already, for the same reason; nothing was placed again."""

    hold: Hold
    is_new: bool


def place_hold(
    home: Home,
    customer: str,
    *,
    features: Sequence[str] = (),
    until: Instant | None = None,
    person: str,
    reason: str,
) -> PlacedHold:
    """By a person. Raises `NoSuchCustomer`, `NoSuchFeature`, `HoldEndsBefore`, `DecisionIncomplete`."""
    held = _hold(home, _customer(home, customer), features, until, person=person, reason=reason)
    placed = home.books.triggers.place(held)
    return PlacedHold(placed, is_new=placed is held)


def release_hold(home: Home, id: str, *, person: str, reason: str) -> Hold:
    """By a person; `id` may be its beginning. Raises `NoSuchHold`, `NotOpen`, `DecisionIncomplete`."""
    decision = decision_now(home, person=person, reason=reason)
    found = _named(home.books.triggers.holds(), id, "hold")
    home.books.triggers.release(
        found.id, person=decision.person, reason=decision.reason, at=decision.decided_at
    )
    return next(each for each in home.books.triggers.holds([found.customer]) if each.id == found.id)


def list_reviews(home: Home, *, decided_too: bool = False) -> tuple[Review, ...]:
    return tuple(each for each in home.books.triggers.reviews() if decided_too or each.decided is None)


def decide_review(
    home: Home,
    id: str,
    decision: ReviewDecision,
    *,
    features: Sequence[str] = (),
    until: Instant | None = None,
    person: str,
    reason: str,
) -> tuple[Review, Hold | None]:
    """By a person, once. Raises `NoSuchHold`, `NotOpen`, `HoldNotMeant` and what `place_hold` raises."""
    given = decision_now(home, person=person, reason=reason)
    found = _named(home.books.triggers.reviews(), id, "review")
    if found.decided is not None:
        raise NotOpen(f"Review {found.id} was decided already: {found.decided[0]} by {found.decided[1]}.")
    held = None
    if decision is ReviewDecision.HOLD:
        held = _hold(home, found.customer, features, until, person=person, reason=reason)
    elif features or until is not None:
        raise HoldNotMeant
    home.books.triggers.decide(
        found.id,
        decision=decision.value,
        person=given.person,
        reason=given.reason,
        at=given.decided_at,
        held=held,
    )
    return next(each for each in home.books.triggers.reviews() if each.id == found.id), held


def _hold(
    home: Home,
    customer: CustomerId,
    features: Sequence[str],
    until: Instant | None,
    *,
    person: str,
    reason: str,
) -> Hold:
    decision = decision_now(home, person=person, reason=reason)
    if until is not None and until <= decision.decided_at:
        raise HoldEndsBefore(until, decision.decided_at)
    known = _features(home, customer)
    for feature in features:
        if feature not in known:
            raise NoSuchFeature(customer, feature, known)
    return Hold(
        home.entropy.token(16).hex(),
        customer,
        tuple(dict.fromkeys(features)),
        decision.reason,
        decision.person,
        decision.decided_at,
        until,
        None,
        None,
    )


def _features(home: Home, customer: CustomerId) -> list[str]:
    """Of any version of any plan that the customer has, had or will have."""
    catalog = load_catalog(home)
    return sorted(
        {
            feature.key
            for subscription in catalog.subscriptions_of(customer)
            for phase in subscription.phases
            for plan in catalog.plans.versions(phase.plan)
            for feature in plan.features
        }
    )


def _customer(home: Home, key: str) -> CustomerId:
    if key not in load_catalog(home).customers:
        raise NoSuchCustomer(CustomerId(key))
    return CustomerId(key)


def _named(all_of: Sequence[Named], id: str, what: str) -> Named:
    """By its id, or the beginning of it."""
    found = [each for each in all_of if each.id == id]
    if not found and len(id) >= SHORT_LENGTH_MIN:
        found = [each for each in all_of if each.id.startswith(id)]
    if len(found) != 1:
        raise NoSuchHold(what, id, len(found))
    return found[0]


def watch_json(watch: Watch) -> dict[str, str | list[str] | None]:
    """What a rule watches, as the interface and `--json` show it."""
    return {
        "watch": watch.figure.value,
        "meter": watch.meter,
        "percent_of": None if watch.percent_of is None else watch.percent_of.value,
        "currency": watch.currency,
        "at": [exact_text(each) for each in watch.at],
        "rearm": watch.rearm.value,
        "rearm_below": None if watch.rearm_below is None else exact_text(watch.rearm_below),
    }
