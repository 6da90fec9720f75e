"""A sealed period is worked out again as known now, and the difference becomes lines that name what they
correct. Periods of a subscription go in order, each from what the ones before it come to now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.independent.charges import charges_of
from tests.independent.commitments import commitment_charges
from tests.independent.documents import Document
from tests.independent.instants import Span, text
from tests.independent.late import late_events
from tests.independent.numbers import money_text
from tests.independent.policy import calendar_at
from tests.independent.rating import Charge
from tests.independent.settled import Scope, Settled, last_billed, line_of, settled_before
from tests.independent.shapes import number
from tests.independent.totals import Line, Printed, discounts
from tests.independent.world import Billed, Paper, World

LATE, RETRACTED = "late events", "retractions"
SHARE = "a coupon's share"
PRICE, CARRIED = "a corrected price", "a correction of an earlier period"


@dataclass
class Correction:
    """What a sealed period of a customer comes to, beyond what was settled, as of a position of the log."""

    customer: str
    period: Span
    lines: list[Line]
    watermark: int
    original: Paper
    charges: list[Charge]
    discounts: list[Printed]


def find_corrections(world: World, customer: str, watermark: int) -> list[Correction]:
    """In order of periods. One whose late events change nothing is left out; they stay late."""
    now = _rerated(world, customer, watermark)
    found = []
    for paper in world.papers:
        if paper.customer != customer or paper.kind != "final" or paper.voided:
            continue
        charges = now.get(paper.period, [])
        settled = settled_before(world, customer, paper.period)
        charges = charges + _refunds(world, paper, settled)
        lines, rows = _differences(world, paper, charges, settled, watermark)
        if lines:
            found.append(Correction(customer, paper.period, lines, watermark, paper, charges, rows))
    return sorted(found, key=lambda each: each.period)


def carry(world: World, correction: Correction) -> None:
    """Later periods start from what the corrected one comes to now."""
    for subscription in world.catalog.subscriptions_of(correction.customer):
        done = world.billed.get(subscription["key"], [])
        for place, billed in enumerate(done):
            if billed.period == correction.period:
                own = [each for each in correction.charges if each.subscription == subscription["key"]]
                done[place] = replace(billed, charges=tuple(own))


def _rerated(world: World, customer: str, watermark: int) -> dict[Span, list[Charge]]:
    events = world.log.counted(watermark)
    found: dict[Span, list[Charge]] = {}
    for subscription in world.catalog.subscriptions_of(customer):
        before: list[tuple[Span, Sequence[Charge]]] = []
        for billed in world.billed.get(subscription["key"], []):
            charges = _again(world, customer, subscription, billed, events, before)
            before.append((billed.whole, charges))
            found.setdefault(billed.period, []).extend(charges)
    return found


def _again(
    world: World,
    customer: str,
    subscription: Document,
    billed: Billed,
    events: Sequence[object],
    before: list[tuple[Span, Sequence[Charge]]],
) -> list[Charge]:
    profile = world.catalog.at("customer", customer, billed.period[1] - 1)
    zone, currency = profile["zone"], profile["currency"]
    charges = charges_of(
        world.catalog,
        subscription,
        billed.period,
        billed.whole,
        events,  # type: ignore[arg-type]
        zone=zone,
    )
    fees = [each for each in billed.charges if each.kind in ("unused fee", "fee ahead")]
    placed = {charge.scope for charge in charges}
    fees += [
        each
        for each in billed.charges
        if each.price.get("timing") == "advance" and each.kind == "price" and each.scope not in placed
    ]
    done = world.billed[subscription["key"]]
    fees = sorted((_at_the_right_price(world, each, done) for each in fees), key=lambda each: each.part)
    extra = commitment_charges(
        subscription, charges, billed.period, billed.whole, before, currency=currency, zone=zone
    )
    return charges + fees + extra


def _at_the_right_price(world: World, fee: Charge, done: Sequence[Billed]) -> Charge:
    """Of a fee whose time is over and that was not given back."""
    price = world.catalog.at("price", fee.price["key"], fee.part[0])
    given_back = any(
        (each.kind, each.part, each.price["key"]) == ("unused fee", fee.part, fee.price["key"])
        for billed in done
        for each in billed.charges
    )
    over = any(billed.period[1] >= fee.part[1] for billed in done)
    if fee.kind == "unused fee" or given_back or not over or price == fee.price:
        return fee
    share = fee.amount / number(fee.price, "amount")
    return replace(fee, price=price, amount=number(price, "amount") * share, words=price["description"])


def _refunds(world: World, paper: Paper, settled: dict[Scope, list[Settled]]) -> list[Charge]:
    """What was given back of fees that this paper asked for, at their right price; with what settled it."""
    found = []
    for fee in (line.charge for line in paper.lines if line.charge.kind == "fee ahead"):
        price = world.catalog.at("price", fee.price["key"], fee.part[0])
        for other in world.papers:
            back = [line for line in other.lines if line.charge.kind == "unused fee" and not line.corrects]
            for line in back if other.customer == paper.customer and not other.voided else ():
                part, charge = line.charge.part, line.charge
                if price == fee.price or charge.price["key"] != fee.price["key"] or part == fee.part:
                    continue
                if fee.part[0] <= part[0] and part[1] <= fee.part[1]:
                    share = Fraction(part[1] - part[0], fee.part[1] - fee.part[0])
                    kept = replace(charge, price=price, amount=-number(price, "amount") * share)
                    found.append(kept)
                    settled.setdefault(charge.scope, []).insert(0, Settled(other, line))
    return found


def _differences(
    world: World,
    paper: Paper,
    charges: Sequence[Charge],
    settled: dict[Scope, list[Settled]],
    watermark: int,
) -> tuple[list[Line], list[Printed]]:
    """Of each charge, and of what was settled and is asked for no more; and what that does to coupons."""
    asked = {charge.scope for charge in charges}
    gone = [
        replace(last_billed(lines).line.charge, amount=Fraction(0), quantity=Fraction(0), events=())
        for scope, lines in sorted(settled.items(), key=lambda item: repr(item[0]))
        if scope not in asked
    ]
    places = {line.charge.scope: place for place, line in enumerate(paper.lines)}
    asked_for = [*charges, *gone]
    lines = [line_of(charge, settled.get(charge.scope, [])) for charge in asked_for]
    ordered = sorted(lines, key=lambda line: places.get(line.charge.scope, len(places)))
    rows = _coupons(world, paper, ordered)
    found = [line for line in lines if line.amount or line.quantity or any(line.given.values())]
    for line in found:
        before = settled.get(line.charge.scope, [])
        line.corrects = paper.period
        line.taxes, line.tax_reason = paper.taxed, paper.tax_reason
        line.correction = _why(world, paper, line.charge, before, watermark)
        if not line.amount and not line.quantity:
            line.correction = {"original": line.correction["original"], "causes": [SHARE]}
    return found, [
        _printed(row, found, paper) for row in rows if any(row["coupon"] in o.given for o in found)
    ]


def _coupons(world: World, paper: Paper, lines: list[Line]) -> list[Printed]:
    """Those of the sealed period, on all that it comes to now."""
    customer = world.catalog.at("customer", paper.customer, paper.period[1] - 1)
    subscriptions = [
        each
        for each in world.catalog.subscriptions_of(paper.customer)
        if any(done.period == paper.period for done in world.billed.get(each["key"], []))
    ]
    calendar = calendar_at(world.catalog, world.policies, paper.customer, subscriptions[0], paper.period[0])
    return discounts(world.catalog, customer, subscriptions, lines, paper.period, calendar, corrected=True)


def _printed(row: Printed, found: list[Line], paper: Paper) -> Printed:
    """With the shares of the lines that are made."""
    shares = [
        money_text(-line.given[row["coupon"]], paper.currency)
        for line in found
        if row["coupon"] in line.given
    ]
    return {**row, "shares": shares, "corrects": text(paper.period[0])}


def _why(world: World, paper: Paper, charge: Charge, before: Sequence[Settled], watermark: int) -> Printed:
    """Counts are those of the charge's own usage; of a commitment's line, all of the subscription's."""
    mine = [
        each.charge
        for each in paper.lines
        if each.charge.meter is not None
        and each.charge.subscription == charge.subscription
        and (charge.meter is None or each.charge.scope[:3] == charge.scope[:3])
    ]
    distinct = {(each.meter, each.part): each for each in mine} or (
        {(charge.meter, charge.part): charge} if charge.meter else {}
    )
    since = world.known.get((paper.customer, paper.period), paper.cutoff)
    counts = [late_events(world, each, since, watermark) for each in distinct.values()]
    came, gone = sum(each[0] for each in counts), sum(each[1] for each in counts)
    last = last_billed(before).line.charge if before else charge
    billed = last.price.get("version", 1)
    repriced = charge.kind in ("price", "fee ahead", "unused fee") and billed != charge.price.get(
        "version", 1
    )
    causes = [name for name, holds in ((LATE, came), (RETRACTED, gone), (PRICE, repriced)) if holds]
    original = {"original": f"{before[0].paper.number}: {before[0].line.charge.words}"} if before else {}
    return {
        **original,
        "causes": causes or [CARRIED],
        **({"late_events": came} if came else {}),
        **({"retracted_events": gone} if gone else {}),
        **({"superseded": billed} if repriced else {}),
    }
