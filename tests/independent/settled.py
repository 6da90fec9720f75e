"""What papers have asked for already, thing by thing: a line asks for what none before it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.independent.instants import Span
from tests.independent.numbers import money_text, quantity_text
from tests.independent.rating import Charge, Group
from tests.independent.totals import Line
from tests.independent.world import Paper, World

Scope = tuple[str, str, int, Group]
MISBILLED = "billing-error"
"""A credit that counts as billed back: in money, not in quantity."""


@dataclass(frozen=True)
class Settled:
    """A line of a paper that stands."""

    paper: Paper
    line: Line


def last_billed(before: Sequence[Settled]) -> Settled:
    return [each for each in before if each.line.charge.kind != MISBILLED][-1]


def settled_before(world: World, customer: str, period: Span) -> dict[Scope, list[Settled]]:
    """By what they are for: the lines for a period of a customer, on whichever paper, in order of sealing."""
    found: dict[Scope, list[Settled]] = {}
    for paper in world.papers:
        if paper.customer != customer or paper.voided:
            continue
        for line in paper.lines:
            if (line.corrects or paper.period) == period and line.charge.kind not in ("manual", "goodwill"):
                counted = replace(line, quantity=Fraction(0)) if line.charge.kind == MISBILLED else line
                found.setdefault(line.charge.scope, []).append(Settled(paper, counted))
    return found


def lines_of(charges: Sequence[Charge], settled: Mapping[Scope, Sequence[Settled]]) -> list[Line]:
    return [line_of(charge, settled.get(charge.scope, ())) for charge in charges]


def line_of(charge: Charge, before: Sequence[Settled]) -> Line:
    """The charge in all, less what was asked before."""
    currency = charge.price["currency"]
    return Line(
        charge,
        charge.settled - sum(each.line.amount for each in before),
        charge.quantity - sum((each.line.quantity for each in before), Fraction(0)),
        earlier=[
            {
                "invoice": each.paper.number,
                "quantity": quantity_text(each.line.quantity),
                "amount": money_text(each.line.amount, currency),
            }
            for each in before
        ],
        before=[each.line for each in before],
    )
