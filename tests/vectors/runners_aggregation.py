"""Vectors about aggregations other than sum, count and last, put to the plain definition and to a price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from itertools import accumulate
from typing import Any

from tests.vectors.account import Account, Members, Used, account
from tests.vectors.prices import ROUNDINGS, meter_conversion, price_members
from tests.vectors.runners_events import AGGREGATIONS, MILLISECOND_US, cut, half_open, stored_event, usage
from tieout.aggregate.retraction import Retraction
from tieout.contract.event_contract import Field, FieldType, Use
from tieout.contract.meter import Aggregation
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, local_midnight, period_at
from tieout.kernel.ids import Position
from tieout.kernel.instant import DAY_MICROSECONDS, HOUR_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact, exact_text
from tieout.kernel.rounding import Rounding, quantize
from tieout.kernel.zone import zone

Facts = Mapping[str, Any]

JANUARY = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))
TEXT_VALUE = (Field("value", FieldType.STRING, Use.CONTEXT),)


def places(amount: Exact, count: int) -> Quantity:
    return quantize(amount, count, Rounding.HALF_AWAY_FROM_ZERO)


def aggregated_further(given: Facts, expected: Facts) -> None:
    """One event for each value; what is not there does not count."""
    aggregation = AGGREGATIONS[given["aggregation"]]
    unique = aggregation is Aggregation.UNIQUE
    listed = given.get("values") or [
        each[given.get("value_field", "value")] for each in given["events_in_time_order"]
    ]
    events = [
        stored_event({"value": str(value)}, row=row, fields=TEXT_VALUE)
        if unique and value is not None
        else stored_event({"value": cut(value)}, row=row)
        for row, value in enumerate(listed)
    ]
    snapshot = usage(aggregation, events)
    wanted = expected.get("value", expected.get("unique"))
    if wanted is None:
        assert (snapshot.quantity, snapshot.event_count) == (QUANTITY_ZERO, expected["rows"])
    elif aggregation is Aggregation.AVERAGE:
        assert snapshot.quantity == places(exact(wanted), 12)
    else:
        assert str(snapshot.quantity) == cut(wanted)


def unique_with_removal(given: Facts, expected: Facts) -> None:
    """What is removed is the event that stated it: it is retracted by its identity."""
    events = [
        stored_event({"value": each["value"]}, time=each["time"], row=row, fields=TEXT_VALUE)
        for row, each in enumerate(given["events"])
    ]
    removal = given["extra_event"]
    assert removal["operation"] == "remove"
    (target,) = [
        event
        for event, each in zip(events, given["events"], strict=True)
        if each["value"] == removal["value"]
    ]
    retraction = Retraction(Position(1, len(events)), target.source, target.id)
    snapshot = usage(Aggregation.UNIQUE, events, half_open(given), retractions=[retraction])
    assert str(snapshot.quantity) == expected["unique_count"]


def held_for(period: Period, levels: list[Used], days: int) -> Exact:
    """What levels come to at a price of 1 for each unit that is held for so many days."""
    held = account(
        {"shape": "per_unit", "unit_amount": "1", "per": str(days * 24)},
        meter={"aggregation": "time_weighted"},
        phases=[{"plan": "k", "from": format_instant(period.start), "until": format_instant(period.end)}],
        customer={"anchor": format_instant(period.start)[:10]},
        cadence=f"every {(period.end - period.start) // DAY_MICROSECONDS} days",
    )
    assert held.period_at(period.start) == period
    (charge,) = held.charges(period, levels)
    return charge.amount


def weighted(given: Facts, expected: Facts) -> None:
    """Changes of a level, here as the levels that they lead to; a level from before was stated before."""
    period, days = half_open(given), given["period"]["days_for_proration"]
    initial = exact(given.get("initial_value", "0"))
    levels = list(accumulate((exact(each["value"]) for each in given["events"]), initial=initial))
    times = [Instant(period.start - HOUR_MICROSECONDS), *(parse_instant(e["time"]) for e in given["events"])]
    used = [Used(exact_text(level), at) for level, at in zip(levels, times, strict=True)]
    assert places(held_for(period, used, days), 5).as_fraction() == exact(expected["weighted_sum_5dp"])


def weighted_alone(given: Facts, expected: Facts) -> None:
    """Each value as a level of its own, held to the end of the period."""
    period, days = half_open(given), given["period"]["days_for_proration"]
    found = [
        held_for(period, [Used(each["value"], parse_instant(each["time"]))], days) for each in given["events"]
    ]
    assert [places(amount, 3).as_fraction() for amount in found] == [
        exact(text) for text in expected["values_3dp"]
    ]


def carried(given: Facts, expected: Facts) -> None:
    """A level from before, for a period of so many days."""
    start = parse_instant(given["period"]["from"])
    period = Period(start, Instant(start + given["persisted_days"] * DAY_MICROSECONDS))
    level = sum((exact(each["value"]) for each in given["events"]), Exact(0))
    assert level == exact(expected["sum"])
    used = [Used(exact_text(level), Instant(start - MILLISECOND_US))]
    amount = held_for(period, used, given["period"]["days_for_proration"])
    assert places(amount, 5).as_fraction() == exact(expected["prorated_sum_5dp"])


def held_units(given: Facts, expected: Facts) -> None:
    """Units that are held, by the hours of the month: each part of a month counts as that part of a unit."""
    start = local_midnight(date.fromisoformat(f"{given['month']}-01"), zone("UTC"))
    month = period_at(Anchor(Cadence.MONTHLY, "UTC", date(2024, 1, 1)), start)
    hours = (month.end - month.start) // HOUR_MICROSECONDS
    stated = {"divide_by": str(hours), "unit": "months", "places": 12, "rounding": "half_away_from_zero"}
    held = account(
        price_members(given["price"]), meter={"aggregation": "time_weighted", "conversion": stated}
    )
    levels = accumulate(int(change["units"]) for change in given["changes"])
    used = [
        Used(str(level), local_midnight(date.fromisoformat(change["date"]), zone("UTC")))
        for level, change in zip(levels, given["changes"], strict=True)
    ]
    (charge,) = held.charges(month, used)
    assert charge.amount == exact(expected["total"])


def converted(given: Facts, expected: Facts) -> None:
    """The units of a line are those that its meter converts to."""
    (charge,) = units_priced(meter_conversion(given)).charges(JANUARY, [Used(given["quantity"])])
    assert str(charge.quantity) == expected["quantity"]


def measured_roundly(given: Facts, expected: Facts) -> None:
    """Rounding of the measured quantity: a conversion that divides by 1, or by the size of the places before
    the point, which the price gives back.
    """
    if given["function"] is None:
        stated = None
    else:
        places = int(given["precision"])
        stated = {
            "divide_by": str(10 ** max(0, -places)),
            "unit": "rounded",
            "places": max(0, places),
            "rounding": ROUNDINGS[given["function"]],
        }
    (charge,) = units_priced(stated).charges(JANUARY, [Used(given["quantity"])])
    size = 10 ** max(0, -int(given["precision"] or 0))
    assert charge.quantity.as_fraction() * size == exact(expected["quantity"])


def whole_increments(given: Facts, expected: Facts) -> None:
    """Seconds, converted to started increments at a price of so many seconds each."""
    stated = {"divide_by": given["increment"], "unit": "increment", "places": 0, "rounding": "up"}
    price = {"shape": "per_unit", "unit_amount": given["increment"]}
    (charge,) = account(price, meter={"conversion": stated}).charges(JANUARY, [Used(given["seconds"])])
    assert charge.amount == exact(expected["seconds"])


def units_priced(stated: Members | None) -> Account:
    return account({"shape": "per_unit", "unit_amount": "1"}, meter={"conversion": stated})


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {
    "aggregated_further": aggregated_further,
    "unique_with_removal": unique_with_removal,
    "weighted": weighted,
    "weighted_alone": weighted_alone,
    "carried": carried,
    "held_units": held_units,
    "converted": converted,
    "measured_roundly": measured_roundly,
    "whole_increments": whole_increments,
}
