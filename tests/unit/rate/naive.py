"""What each shape costs, written a second time from its definition in words: plain Fractions, event by event,
no code of the product but the records that say what was agreed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from tests.usage import Used
from tieout.contract.price import (
    Dynamic,
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    PlainShape,
    Price,
    PriceShape,
    Volume,
)

MINOR_DIGITS = {"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3}
ROUNDINGS = {
    "half_away_from_zero": lambda x: floor(x + Fraction(1, 2)) if x >= 0 else ceil(x - Fraction(1, 2)),
    "half_even": round,  # of a Fraction: ties to even
    "up": lambda x: ceil(x) if x >= 0 else floor(x),
    "down": lambda x: floor(x) if x >= 0 else ceil(x),
    "ceiling": ceil,
    "floor": floor,
}


def cost(price: Price, events: Sequence[Used]) -> Fraction:
    """What the events cost under the shape of a metered price, modifiers aside."""
    shape = price.shape
    if isinstance(shape, Matrix):
        return sum((cost_of_part(price, inner, part) for inner, part in dealt(shape, events)), Fraction(0))
    assert not isinstance(shape, Flat)
    return cost_of_part(price, shape, events)


def dealt(shape: Matrix, events: Sequence[Used]) -> list[tuple[PlainShape, list[Used]]]:
    """Each event goes to the first cell all of whose values it has, else to `otherwise`."""
    parts: dict[int, list[Used]] = {}
    for event in events:
        for place, cell in enumerate(shape.cells):
            if all(event.values.get(name) == value for name, value in cell.when):
                parts.setdefault(place, []).append(event)
                break
        else:
            parts.setdefault(-1, []).append(event)
    found: list[tuple[PlainShape, list[Used]]] = []
    for place, part in parts.items():
        inner = shape.otherwise if place == -1 else shape.cells[place].shape
        assert inner is not None
        found.append((inner, part))
    return found


def cost_of_part(price: Price, shape: PlainShape, events: Sequence[Used]) -> Fraction:
    bounded = isinstance(shape, Percentage) and (
        shape.event_minimum is not None or shape.event_maximum is not None
    )
    per_event = price.per_event or bounded
    if not per_event:
        return of_shape(shape, events, price.currency)
    total = Fraction(0)
    for event in events:
        one = of_shape(shape, [event], price.currency)
        if isinstance(shape, Percentage):
            one = within_bounds(shape, event, one)
        if price.round_at == "event":
            minor = 10 ** MINOR_DIGITS[price.currency]
            one = Fraction(ROUNDINGS[price.rounding.value](one * minor), minor)
        total += one
    return total


def within_bounds(shape: Percentage, event: Used, one: Fraction) -> Fraction:
    """A payment costs at least the minimum; neither it nor a refund moves more than the maximum."""
    if shape.event_minimum is not None and event.value.atoms >= 0:
        one = max(one, shape.event_minimum)
    if shape.event_maximum is not None:
        one = max(min(one, shape.event_maximum), -shape.event_maximum)
    return one


def of_shape(shape: PriceShape, events: Sequence[Used], currency: str) -> Fraction:
    units = sum((Fraction(event.value.atoms, 10**12) for event in events), Fraction(0))
    cents = 10 ** MINOR_DIGITS[currency]
    match shape:
        case PerUnit(unit_amount, per):
            return units * unit_amount / per
        case Graduated(tiers, per):
            bounds = [(None if t.up_to is None else Fraction(str(t.up_to))) for t in tiers]
            rates = [(tier.unit_amount / per, tier.flat_amount) for tier in tiers]
            return up_the_tiers(units, bounds, rates)
        case GraduatedPercentage(percent_tiers, amount_in):
            money = units / cents if amount_in == "minor" else units
            bounds = [(None if t.up_to is None else Fraction(str(t.up_to))) for t in percent_tiers]
            return up_the_tiers(money, bounds, [(t.percent / 100, t.flat_amount) for t in percent_tiers])
        case Volume(tiers, per):
            for tier in tiers:
                if tier.up_to is None or units <= Fraction(str(tier.up_to)):
                    return units / per * tier.unit_amount + tier.flat_amount
            raise AssertionError("no open tier")
        case Package(amount, size, last):
            full, rest = divmod(abs(units), Fraction(str(size)))
            packages = full + 1 if rest and last.value == "up" else full
            return (packages if units > 0 else -packages) * amount
        case Percentage(percent, fixed, _, _, amount_in):
            money = units / cents if amount_in == "minor" else units
            return money * percent / 100 + fixed * len(events)
        case Dynamic(_, amount_in):
            stated = [Fraction(event.amount.atoms, 10**12) for event in events if event.amount is not None]
            assert len(stated) == len(events)
            return sum(stated, Fraction(0)) / (cents if amount_in == "minor" else 1)
        case _:
            raise AssertionError(shape)


def up_the_tiers(
    units: Fraction, bounds: Sequence[Fraction | None], rates: Sequence[tuple[Fraction, Fraction]]
) -> Fraction:
    """Climb from zero: pay the flat amount of each tier on entering it, then the rate for what lies in it."""
    if units < 0:
        return units * rates[0][0] + rates[0][1]
    total, reached = rates[0][1], Fraction(0)
    for place, (bound, (rate, _)) in enumerate(zip(bounds, rates, strict=True)):
        top = units if bound is None or units <= bound else bound
        total += (top - reached) * rate
        reached = top
        if reached == units:
            break
        total += rates[place + 1][1]
    return total
