"""Usage counted once more, in fractions, without a line of the definition or of an engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import floor

from tests.agreement.stored_events import Row
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Condition

MICROSECONDS = 3_600_000_000
PLACES = 10**12
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Counted:
    """`counts`: counted, excluded, retracted. A group: texts, events, quantity, value, amount, each."""

    quantity: Fraction
    counts: tuple[int, int, int]
    lanes: tuple[int, int]
    groups: list[tuple[object, ...]]
    openings: list[tuple[object, ...]]


def naive(
    request: UsageRequest, stored: Sequence[Row], watermark: int, retractions: Sequence[Retraction]
) -> Counted:
    gone = {(r.source, r.target_id) for r in retractions if r.position.batch <= watermark}
    amount = request.breakdown.amount_field
    seen = [
        each.event
        for each in stored
        if each.event.type == request.meter.event
        and each.event.position.batch <= watermark
        and all_hold(request.meter.filter, each.event)
    ]
    inside = [
        event
        for event in seen
        if any(s.subject == event.subject and s.start <= event.time < s.end for s in request.spans)
    ]
    out = {(e.source, e.id) for e in seen if left_out(request.meter, amount, e)}
    kept = [e for e in inside if (e.source, e.id) not in out | gone]
    excluded = sum(1 for e in inside if (e.source, e.id) in out - gone)
    taken_back = sum(1 for e in inside if (e.source, e.id) in gone - out)
    standing = [e for e in seen if (e.source, e.id) not in out | gone]
    return Counted(
        quantity_of(request, kept, standing),
        (len(kept), excluded, taken_back),
        (sum(e.lane_a for e in kept) & (2**64 - 1), sum(e.lane_b for e in kept) & (2**64 - 1)),
        groups_of(request, kept),
        openings_of(request, standing),
    )


def all_hold(conditions: Sequence[Condition], event: MeterEvent) -> bool:
    texts = {**event.fields, "subject": event.subject, "source": event.source}
    return all(c.field in texts and (texts[c.field] in c.values) is not c.negated for c in conditions)


def left_out(meter: Meter, amount: str | None, event: MeterEvent) -> bool:
    if any(all_hold(exclusion.where, event) for exclusion in meter.exclusions):
        return True
    return any(name is not None and name not in event.fields for name in (meter.field, amount))


def quantity_of(
    request: UsageRequest, kept: Sequence[MeterEvent], standing: Sequence[MeterEvent]
) -> Fraction:
    field = request.meter.field
    if field is None:
        return Fraction(len(kept))
    texts = [event.fields[field] for event in kept]
    if request.meter.aggregation is Aggregation.UNIQUE:
        return Fraction(len(dict.fromkeys(texts)))
    values = [Fraction(text) for text in texts]
    match request.meter.aggregation:
        case Aggregation.MAX:
            return sorted(values)[-1] if values else Fraction(0)
        case Aggregation.MIN:
            return sorted(values)[0] if values else Fraction(0)
        case Aggregation.LAST:
            return Fraction(last(kept).fields[field]) if kept else Fraction(0)
        case Aggregation.AVERAGE:
            return rounded(sum(values, Fraction(0)) / len(values)) if values else Fraction(0)
        case Aggregation.TIME_WEIGHTED:
            return rounded(integral(request, field, standing))
        case _:
            return sum(values, Fraction(0))


def integral(request: UsageRequest, field: str, standing: Sequence[MeterEvent]) -> Fraction:
    """Between two neighbouring instants nothing changes: the level is that of the last event so far."""
    total = Fraction(0)
    for span in request.spans:
        mine = [event for event in standing if event.subject == span.subject]
        instants = {span.start, span.end, *(e.time for e in mine if span.start < e.time < span.end)}
        ordered = sorted(instants)
        for start, end in pairwise(ordered):
            so_far = [event for event in mine if event.time <= start]
            if so_far:
                total += Fraction(last(so_far).fields[field]) * (end - start) / MICROSECONDS
    return total


def openings_of(request: UsageRequest, standing: Sequence[MeterEvent]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    if request.meter.aggregation is Aggregation.TIME_WEIGHTED:
        for span in request.spans:
            before = [e for e in standing if e.subject == span.subject and e.time < span.start]
            if before:
                found.append((span.subject, span.start, last(before).position))
    return sorted(found, key=lambda each: (str(each[0]), each[1]))


def groups_of(request: UsageRequest, kept: Sequence[MeterEvent]) -> list[tuple[object, ...]]:
    breakdown, field = request.breakdown, request.meter.field
    if not (breakdown.dimensions or breakdown.by_value or breakdown.amount_field):
        return []
    together: dict[tuple[object, ...], list[tuple[Fraction, Fraction | None]]] = defaultdict(list)
    for event in kept:
        value = Fraction(1) if field is None else Fraction(event.fields[field])
        amount = None if breakdown.amount_field is None else Fraction(event.fields[breakdown.amount_field])
        texts = tuple(event.fields.get(name) for name in breakdown.dimensions)
        each = (value, amount) if breakdown.by_value else (None, None)
        together[(texts, *each)].append((value, amount))
    groups = []
    for (texts, value, each), members in together.items():
        amounts = [amount for _, amount in members if amount is not None]
        total = sum(amounts, Fraction(0)) if breakdown.amount_field is not None else None
        quantity = sum((value for value, _ in members), Fraction(0))
        groups.append((texts, len(members), quantity, value, total, each))
    return sorted(groups, key=order)


def order(group: tuple[object, ...]) -> tuple[object, ...]:
    texts, _, _, value, _, each = group
    assert isinstance(texts, tuple)
    return [(text is not None, text or "") for text in texts], value or 0, each or 0  # type: ignore[return-value]


def last(events: Sequence[MeterEvent]) -> MeterEvent:
    return sorted(events, key=lambda e: (e.time, e.position.batch, e.position.row))[-1]


def rounded(exact: Fraction) -> Fraction:
    """To twelve places, a half away from zero."""
    size = floor(abs(exact) * PLACES + Fraction(1, 2))
    return Fraction(-size if exact < 0 else size, PLACES)
