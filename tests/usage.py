"""Usage built from a list of events, grouped by plain code, as engines must hand it to rating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.records import JANUARY, SUBSCRIPTION, plan, snapshot
from tieout.aggregate.breakdown import Breakdown, UsageGroup
from tieout.aggregate.snapshot import Snapshot
from tieout.contract.price import Price
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.rate.charge import Charge
from tieout.rate.needs import breakdown_of
from tieout.rate.rate import rate
from tieout.rate.usage import group_names


@dataclass(frozen=True)
class Used:
    """One event: its metered value, the texts of its dimensions, and what it states in the amount field."""

    value: Quantity
    values: Mapping[str, str] = field(default_factory=dict)
    amount: Quantity | None = None


def used(value: str, *, amount: str | None = None, **values: str) -> Used:
    return Used(Quantity.parse(value), values, None if amount is None else Quantity.parse(amount))


def snapshot_of(events: Sequence[Used], breakdown: Breakdown, over: Period = JANUARY) -> Snapshot:
    together: dict[object, list[Used]] = {}
    for event in events:
        texts = tuple(event.values.get(name) for name in breakdown.dimensions)
        amount = event.amount if breakdown.amount_field else None
        each = (event.value, amount) if breakdown.by_value else None
        together.setdefault((texts, each), []).append(event)
    groups = []
    for members in together.values():
        first = members[0]
        asked = breakdown.amount_field is not None
        groups.append(
            UsageGroup(
                values=tuple(first.values.get(name) for name in breakdown.dimensions),
                quantity=_sum([event.value for event in members]),
                event_count=len(members),
                value=first.value if breakdown.by_value else None,
                amount=_sum([event.amount or Quantity(0) for event in members]) if asked else None,
                each_amount=first.amount if breakdown.by_value and asked else None,
            )
        )
    groups.sort(key=lambda group: group.order)
    total = snapshot(str(_sum([event.value for event in events])), over, count=len(events))
    return replace(total, breakdown=breakdown, groups=tuple(groups) if breakdown else ())


def _sum(quantities: Sequence[Quantity]) -> Quantity:
    return Quantity(sum(quantity.atoms for quantity in quantities))


def charged(price: Price, usage: Snapshot | None, whole: Period = JANUARY) -> list[Charge]:
    """Every charge of a price for a snapshot's own segment, or for the whole of a flat price's period."""
    names = [()] if usage is None else group_names(usage, price)
    return [
        rate(
            usage,
            price,
            plan=plan("p"),
            subscription=SUBSCRIPTION,
            period=whole,
            segment=whole if usage is None else usage.period,
            group=name,
        )
        for name in names
    ]


def charge_for(price: Price, *events: Used) -> Charge:
    """The one charge of a price that does not group."""
    (charge,) = charged(price, snapshot_of(events, breakdown_of(price)))
    return charge
