"""Invoices inside a period, by the signed rule alone: what usage so far comes to, less what was billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.independent.charges import charges_of
from tests.independent.commitments import ABOVE, BEYOND, DRAWN, ROLLED, agreed_and_used, commitment_charges
from tests.independent.documents import Document, phase_span
from tests.independent.instants import Span, overlap
from tests.independent.numbers import minor
from tests.independent.parts import Part, parts_of
from tests.independent.policy import governing
from tests.independent.rating import Charge
from tests.independent.settled import lines_of, settled_before
from tests.independent.shapes import number
from tests.independent.totals import Line
from tests.independent.world import Account, World

BY_USAGE = {ROLLED, DRAWN, ABOVE, BEYOND}
"""What usage alone decides of a commitment; the rest waits for the end of the period."""

Crossing = tuple[str, ...]


def running_accounts(world: World, customer: str, at: int) -> list[Account]:
    """The period that holds an instant, with the subscriptions that have it."""
    found: dict[Span, list[tuple[Document, Span]]] = {}
    for subscription in world.catalog.subscriptions_of(customer):
        start = world.next_start(subscription)
        period, whole = world.period_from(subscription, start)
        while period[1] <= at:
            period, whole = world.period_from(subscription, period[1])
        if period[0] <= at and world.active(subscription, period):
            found.setdefault(period, []).append((subscription, whole))
    accounts = []
    for period, subscriptions in sorted(found.items()):
        policy = governing(world.policies, period[0])
        if policy is not None and "off_cycle" in policy.document:
            accounts.append(Account(customer, period, tuple(subscriptions), policy))
    return accounts


def interim_lines(world: World, account: Account, at: int, cutoff: int) -> tuple[list[Line], set[Crossing]]:
    """The lines of an interim invoice, and the crossings that it bills; no lines where none is due."""
    rule = account.policy.document["off_cycle"]
    if not _eligible(world, account, rule):
        return [], set()
    charges = _charges(world, account, at, cutoff)
    settled = settled_before(world, account.customer, account.period)
    lines = [line for line in lines_of(charges, settled) if line.charge.events or line.earlier]
    unbilled = sum(line.amount for line in lines)
    crossed = _crossings(world, account, rule, at, charges) - world.crossed
    exposure = rule.get("exposure_over", {})
    currency = world.currency_of(account)
    over = currency in exposure and unbilled >= minor(number(exposure, currency), currency)
    if unbilled <= 0 or not (over or crossed):
        return [], set()
    return lines, crossed


def _eligible(world: World, account: Account, rule: Document) -> bool:
    if account.customer in rule.get("customers", []):
        return True
    return any(
        part.plan["key"] in rule.get("plans", []) or part.price["key"] in rule.get("prices", [])
        for part in _parts(world, account)
    )


def _parts(world: World, account: Account) -> list[Part]:
    return [
        part
        for subscription, whole in account.subscriptions
        for part in parts_of(world.catalog, subscription, account.period, whole)
    ]


def _charges(world: World, account: Account, at: int, cutoff: int) -> list[Charge]:
    """Metered usage so far without minimums, and what it does to commitments. Levels wait: what they come to
    depends on the rest of the period."""
    catalog, currency, zone = world.catalog, world.currency_of(account), world.zone_of(account)
    events = world.log.counted(cutoff)
    found: list[Charge] = []
    for subscription, whole in account.subscriptions:
        own = charges_of(catalog, subscription, account.period, whole, events, zone=zone, final=False)
        own = [
            charge
            for charge in own
            if charge.meter is not None
            and charge.part[0] <= at
            and catalog.at("meter", charge.meter, charge.part[0])["aggregation"] != "time_weighted"
        ]
        extra = commitment_charges(
            subscription,
            own,
            account.period,
            whole,
            world.before(subscription, account.period),
            currency=currency,
            zone=zone,
        )
        events_behind = next((charge.events for charge in own if charge.events), ())
        drawn = [
            replace(each, events=events_behind)
            for each in extra
            if each.price["key"].rsplit("/", 1)[1] in BY_USAGE
        ]
        found += own + drawn
    return found


def _crossings(
    world: World, account: Account, rule: Document, at: int, charges: Sequence[Charge]
) -> set[Crossing]:
    """Commitments of which enough is used, and contracts that ended: each is billed once."""
    found: set[Crossing] = set()
    for subscription, whole in account.subscriptions:
        end = max(phase_span(phase)[1] for phase in subscription["phase"])
        if rule.get("contract_end", False) and end <= at:
            found.add(("end", subscription["key"], str(end)))
        if "commitment_used_percent" not in rule:
            continue
        own = [charge for charge in charges if charge.subscription == subscription["key"]]
        before = world.before(subscription, account.period)
        for commitment in subscription.get("commitment", []):
            term = phase_span(commitment)
            part = overlap(term, account.period)
            if part is None:
                continue
            agreed, used, since = agreed_and_used(
                subscription, commitment, own, before, part, whole, unit=world.currency_of(account)
            )
            if used * 100 >= number(rule, "commitment_used_percent") * agreed:
                found.add(("used", subscription["key"], commitment["key"], str(since)))
    return found
