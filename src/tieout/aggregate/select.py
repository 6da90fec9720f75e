"""Which events a meter counts. The filter says what it is about; an exclusion, by name, what it leaves out.

An event that lacks a filtered or excluded field matches no condition, negated or not: absence proves nothing.
One that lacks the metered field is excluded by name too, since a missing value must never pass for a zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.aggregate.event import MeterEvent
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Predicate
from tieout.kernel.quantity import Quantity

NO_VALUE = "no value"
"""The reason under which events without the metered field are counted."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The event counts. `value` is the metered field as a number, `text` as it is written; None where the
    meter does not read it so. `amount` is the number of the field that is added up beside it, where one is
    asked for.
    """

    event: MeterEvent
    value: Quantity | None
    text: str | None = None
    amount: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """The meter is about this event, and leaves it out for a named reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotMatched:
    """The meter is not about this event."""


Selection = Selected | Excluded | NotMatched


def select(meter: Meter, event: MeterEvent, amount_field: str | None = None) -> Selection:
    """Judge one event. Of several exclusions that hold, the first one of the meter names the reason.

    With an `amount_field`, an event that lacks it has no value either.
    """
    if event.type != meter.event or not holds(meter.filter, event):
        return NotMatched()
    for exclusion in meter.exclusions:
        if holds(exclusion.where, event):
            return Excluded(exclusion.reason)
    amount = None if amount_field is None else event.fields.get(amount_field)
    if amount is None and amount_field is not None:
        return Excluded(NO_VALUE)
    added = None if amount is None else Quantity.parse(amount)
    if meter.aggregation is Aggregation.COUNT:
        return Selected(event, None, amount=added)
    assert meter.field is not None, "only count has no field"
    text = event.fields.get(meter.field)
    if text is None:
        return Excluded(NO_VALUE)
    value = None if meter.aggregation is Aggregation.UNIQUE else Quantity.parse(text)
    return Selected(event, value, text, added)


def holds(predicate: Predicate, event: MeterEvent) -> bool:
    """All conditions hold; an empty predicate always does. Envelope names come before field names."""
    return all(condition.holds(_text_of(condition.field, event)) for condition in predicate)


def _text_of(field: str, event: MeterEvent) -> str | None:
    if field == "subject":
        return event.subject
    if field == "source":
        return event.source
    return event.fields.get(field)
