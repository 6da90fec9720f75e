"""Rules: which thresholds are crossed at a look, by whom, and what that does: told, held, or asked.

Every figure is counted anew from the whole log, after each batch. A period that is over is looked at only
where a batch changed its usage; what was ever crossed in it is not crossed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tests.independent.billing import seal_final, seal_interims
from tests.independent.documents import Document, phase_span
from tests.independent.instants import Span, text
from tests.independent.numbers import digits, quantity_text
from tests.independent.policy import governing
from tests.independent.shapes import number
from tests.independent.usage import measure
from tests.independent.world import Account, Hold, Rule, World

RULES = {"alert": "alert", "charge_control": "control"}
"""Kinds of document, and what they are here; `own` are those that customers set for themselves."""
TOLD = {"review": "charge.review.asked", "hold": "charge.hold.placed", "interim": "charge.interim.asked"}


class NotWatched(Exception):
    """The second system has no such figure."""


@dataclass(frozen=True)
class Position:
    """The end of a batch, or the instant of a look: how far the log counts, and when that is."""

    batch: int
    place: int
    at: int


def look(world: World, at: int) -> list[dict[str, Any]]:
    """What changed since the last look, batch by batch; money once, at its end. The first look of all starts
    where the log ends."""
    new = [] if world.looked is None else world.log.batches[world.looked :]
    known = len(world.log.batches) - len(new)
    found: list[dict[str, Any]] = []
    before = world.log.batches[known - 1][0] if known else 0
    for batch, (place, received) in enumerate(new, known + 1):
        position = Position(batch, place, received)
        found += _read(world, position, "usage")
        found += _read_late(world, position, before)
        before = place
    now = Position(len(world.log.batches), world.log.places, at)
    found += _read(world, now, "usage") + _read(world, now, "exposure")
    world.looked = now.batch
    return found


def _read(world: World, position: Position, figure: str) -> list[dict[str, Any]]:
    """The rules about a figure that hold at a position, of the periods that run there."""
    found = []
    for rule, customer in _rules(world, position.at):
        if rule.says["watch"] not in ("usage", "exposure"):
            raise NotWatched(rule.says["watch"])
        for period in periods(world, customer, position.at) if rule.says["watch"] == figure else ():
            if period[0] <= position.at < period[1]:
                found += _judge(world, rule, customer, period, position, late=False)
    return found


def _read_late(world: World, position: Position, before: int) -> list[dict[str, Any]]:
    """By the rules that stood at the last instant of each period that is over, and by those of today."""
    found = []
    for customer in world.catalog.keys("customer"):
        for period in periods(world, customer, position.at):
            if period[1] > position.at:
                continue
            today = {(rule.kind, rule.key) for rule, _ in _rules(world, position.at)}
            for rule, whose in _rules(world, period[1] - 1):
                if whose != customer or rule.says["watch"] != "usage" or (rule.kind, rule.key) not in today:
                    continue
                if _usage(world, rule, customer, period, before) != _usage(
                    world, rule, customer, period, position.place
                ):
                    found += _judge(world, rule, customer, period, position, late=True)
    return found


def _rules(world: World, when: int) -> Iterator[tuple[Rule, str]]:
    """Those in force at an instant, each with everyone whom it watches then."""
    for kind, name in RULES.items():
        for key in world.catalog.keys(kind):
            if min(world.catalog.changes(kind, key)) > when:
                continue
            says = world.catalog.at(kind, key, when)
            for customer in world.catalog.keys("customer") if says.get("enabled", True) else ():
                on = {
                    phase["plan"]
                    for subscription in world.catalog.subscriptions_of(customer)
                    for phase in subscription["phase"]
                    if phase_span(phase)[0] <= when < phase_span(phase)[1]
                }
                named = customer in says.get("customers", []) or on & set(says.get("plans", []))
                if named or says.get("everyone", False):
                    yield Rule(name, key, says), customer
    for (customer, key), says in sorted(world.own_alerts.items()):
        yield Rule("own", key, says), customer


def periods(world: World, customer: str, until: int) -> list[Span]:
    """All that began by an instant, billed or not."""
    found = set()
    for subscription in world.catalog.subscriptions_of(customer):
        first = phase_span(subscription["phase"][0])[0]
        start = world.period_from(subscription, first)[1][0]
        while start <= until:
            period, _ = world.period_from(subscription, start)
            if world.active(subscription, period):
                found.add(period)
            start = period[1]
    return sorted(found)


def _judge(
    world: World, rule: Rule, customer: str, period: Span, position: Position, *, late: bool
) -> list[dict[str, Any]]:
    """Each threshold by itself: reached while armed it is crossed; below while crossed it is armed again."""
    read = _figure(world, rule, customer, period, position)
    if read is None:
        return []
    value, measured = read
    found = []
    for threshold in sorted(map(Fraction, rule.says["at"])):
        scope = rule.kind, rule.key, customer, period, threshold
        ordinal, armed = world.thresholds.get(scope, (0, True))
        back = number(rule.says, "rearm_below", str(threshold))
        if late and ordinal:
            continue
        if armed and measured >= threshold:
            ordinal, armed, kind = ordinal + 1, False, "crossed"
            _do(world, rule, customer, period, late=late)
        elif not armed and rule.says.get("rearm", "period") == "below" and measured < back:
            armed, kind = True, "rearmed"
        else:
            continue
        world.thresholds[scope] = ordinal, armed
        found.append(
            {
                "rule": rule.key,
                "customer": customer,
                "threshold": quantity_text(threshold),
                "kind": kind,
                "ordinal": ordinal,
                "value": quantity_text(value),
                "batch": position.batch,
                "start": text(period[0]),
            }
        )
    return found


def _figure(
    world: World, rule: Rule, customer: str, period: Span, position: Position
) -> tuple[Fraction, Fraction] | None:
    """The figure, and what thresholds are compared with; None where there is nothing to be measured by."""
    if rule.says["watch"] == "usage":
        if "percent_of" in rule.says:
            raise NotWatched("a percentage of usage")
        used = _usage(world, rule, customer, period, position.place)
        return used, used
    cost, left = exposure(world, customer, period, position)
    if "percent_of" not in rule.says:
        return left, left
    if (rule.kind, rule.says["percent_of"]) != ("own", "budget"):
        raise NotWatched("a percentage of what is not one's own budget")
    budget = world.own_budgets.get(customer)
    return None if budget is None else (cost, cost / budget * 100)


def _usage(world: World, rule: Rule, customer: str, period: Span, place: int) -> Fraction:
    meter: Document = world.catalog.at("meter", rule.says["meter"], period[0])
    return measure(world.catalog, meter, customer, period, world.log.counted(place)).quantity


def exposure(world: World, customer: str, period: Span, position: Position) -> tuple[Fraction, Fraction]:
    """What the period would cost if it were closed now, and what would be left to pay: it is closed, in a
    world of its own."""
    trial = deepcopy(world)
    policy = governing(trial.policies, period[0])
    assert policy is not None
    subscriptions = tuple(
        (subscription, trial.period_from(subscription, period[0])[1])
        for subscription in trial.catalog.subscriptions_of(customer)
        if trial.active(subscription, period)
    )
    paper = seal_final(
        trial, Account(customer, period, subscriptions, policy), position.at, position.place, []
    )
    if any(line.charge.kind == "fee ahead" for line in paper.lines):
        raise NotWatched("the fee of the next period is not part of exposure")
    before = sum(
        each.total
        for each in world.papers
        if (each.customer, each.period, each.kind) == (customer, period, "interim")
    )
    unit = 10 ** digits(paper.currency)
    return Fraction(before + paper.total, unit), Fraction(paper.due, unit)


def _do(world: World, rule: Rule, customer: str, period: Span, *, late: bool) -> None:
    """What a crossing does. A hold or a bill inside a period that is over would be over too: that is told."""
    if rule.kind != "control":
        world.tell("alert.crossed" if rule.kind == "alert" else "customer.alert.crossed")
        return
    action, ends = rule.says["action"], rule.says.get("ends")
    if action == "hold" and ends not in ("period", "person"):
        raise NotWatched(f"a hold that ends {ends}")
    if late and (action == "interim" or ends == "period"):
        world.tell("charge.late")
        return
    world.tell(TOLD[action])
    if action == "hold":
        world.holds.append(Hold(customer, period[1] if ends == "period" else None))
    elif action == "review":
        world.reviews.append(rule.key)
    elif action == "interim":
        world.asked.append(customer)


def answers(world: World, at: int) -> list[dict[str, Any]]:
    """The signed policy answers what was asked, once: whatever it lets nobody bill is not billed."""
    found: list[dict[str, Any]] = []
    for customer in world.asked:
        papers = seal_interims(world, customer, at, world.log.places)
        told = {"outcome": "sealed", "number": papers[0].number} if papers else {"outcome": "nothing-billed"}
        found.append({"customer": customer, **told})
    world.asked.clear()
    return found


def held_now(world: World, at: int) -> list[dict[str, Any]]:
    standing = [hold for hold in world.holds if hold.until is None or at < hold.until]
    return [
        {"customer": hold.customer} | ({} if hold.until is None else {"until": text(hold.until)})
        for hold in sorted(standing, key=lambda hold: hold.customer)
    ]


def release(world: World, customer: str, at: int) -> None:
    world.holds = [replace(hold, until=at) if hold.customer == customer else hold for hold in world.holds]
