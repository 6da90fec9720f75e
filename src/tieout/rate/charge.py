"""A charge is a rated snapshot with its working: exact until `settle`, explained line by line."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.kernel.ids import PlanKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact, adds_up, exact_text
from tieout.kernel.working import Working
from tieout.rate.terms import LIST_TERMS, Terms

GroupName = tuple[tuple[str, str | None], ...]
"""Dimensions and values by which a charge differs from the others of its price; empty for all the usage."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one price version asks for one segment of a billing period.

    `quantity` and `unit` are what the customer reads on the line; `amount` is in whole currency units
    (12.5 means 12.50 USD), exact; `steps` add up to it. `snapshot` is None for a price without a meter.
    `period` is the whole period of the calendar, `segment` the part of it that this charge covers. `program`
    is the fee program whose price this is; `group` the dimensions and values of the usage that it rates,
    where the price has a line for each; `terms` what the subscription agreed beside the price.
    """

    subscription: SubscriptionId
    price: Price
    plan: PlanKey
    plan_version: int
    snapshot: Snapshot | None
    period: Period
    segment: Period
    quantity: Quantity
    unit: str
    amount: Exact
    steps: Working
    program: Program | None = None
    group: GroupName = ()
    terms: Terms = LIST_TERMS

    def __post_init__(self) -> None:
        assert self.period.start <= self.segment.start and self.segment.end <= self.period.end
        assert adds_up([step.amount for step in self.steps], self.amount), "the steps do not add up"
        if self.snapshot is not None:
            assert self.snapshot.meter == self.price.meter and self.snapshot.period == self.segment

    @property
    def effective_from(self) -> Instant:
        """Since when the price version holds."""
        return self.price.effective_from


def steps_json(steps: Working) -> JsonValue:
    """The working as it is printed and stored: amounts are exact texts in whole currency units."""
    return [
        {
            "rule": step.rule,
            "text": step.text,
            "quantity": step.quantity,
            "rate": step.rate,
            "amount": exact_text(step.amount),
        }
        for step in steps
    ]


def group_json(group: GroupName) -> JsonValue:
    """Dimensions and values in their order."""
    return [[name, value] for name, value in group]


def group_text(group: GroupName) -> str | None:
    """The same as canonical JSON; none for a charge that is for all the usage."""
    return canonical_json(group_json(group)) if group else None


def parse_group(text: str | None) -> GroupName:
    """Reads what `group_text` wrote. Raises ValueError or TypeError."""
    pairs = [] if text is None else json.loads(text)
    return tuple((str(name), None if value is None else str(value)) for name, value in pairs)


def steps_text(steps: Working) -> str:
    """The same as canonical JSON: equal workings give equal texts."""
    return canonical_json(steps_json(steps))
