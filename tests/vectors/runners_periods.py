"""Vectors about billing dates: cadences, anchors, leap days, zones, what is due; asked of the calendar."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from tests.stepped_periods import periods_between
from tests.vectors.account import Account, account
from tests.vectors.runners_time import cadence_text, hours_after_midnight, without_brackets
from tieout.close.calendar import calendar_of
from tieout.close.segments import segments
from tieout.kernel.cadence import Cadence, parse_cadence
from tieout.kernel.calendar import Anchor, boundary, local_date, local_midnight, period_at
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant, format_instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.zone import zone

Facts = Mapping[str, Any]

FEE = {"shape": "flat", "meter": None, "amount": "1"}


def day_start(text: str, zone_name: str = "UTC") -> Instant:
    """The start of the local day: dates have none but this, and subscriptions here start at midnight."""
    place = zone(zone_name)
    day = local_date(parse_instant(text), place) if "T" in text else date.fromisoformat(text)
    return local_midnight(day, place)


def day_text(instant: Instant) -> str:
    return format_instant(instant)[:10]


def subscribed(
    *,
    cadence: str,
    start: Instant,
    end: Instant | None = None,
    zone_name: str = "UTC",
    anchor: date | None = None,
) -> Account:
    """A subscription with a fee of 1 for each period."""
    phase = {
        "plan": "k",
        "from": format_instant(start),
        "until": None if end is None else format_instant(end),
    }
    customer = {"zone": zone_name, "anchor": None if anchor is None else anchor.isoformat()}
    return account(FEE, phases=[phase], customer=customer, cadence=cadence)


def due(held: Account, as_of: Instant) -> list[Period]:
    """The periods that have ended, with no time to wait."""
    calendar = calendar_of(held.catalog, held.subscription)
    return [each.period for each in calendar.begun(since=None, until=as_of) if each.period.end <= as_of]


def part_of(held: Account, period: Period) -> Period:
    """What of a period the subscription pays for."""
    (segment,) = segments(held.catalog, held.subscription, period)
    return segment.part


def anchor_day(cadence: str, start: date, day: int) -> date:
    """A day from which the cadence steps over that day of the month, clamped in months without it; periods of
    days know none."""
    if cadence.startswith("every"):
        return start
    if cadence == "monthly":
        return date(start.year, 1, day)
    return start.replace(day=min(day, monthrange(start.year, start.month)[1]))


def billed_on(given: Facts, expected: Facts) -> None:
    """The period that is billed on a day: the one that begins, or the last that ended."""
    zone_name, billed_at = given["timezone"], parse_instant(given["billed_at"])
    anniversary = given["billing_time"] == "anniversary"
    held = subscribed(
        cadence=cadence_text(given["interval"]),
        start=day_start(given.get("started", given.get("subscription_date")), zone_name),
        zone_name=zone_name,
        anchor=date.fromisoformat(given["subscription_date"]) if anniversary else None,
    )
    period = held.period_at(billed_at) if given["pay_in_advance"] else due(held, billed_at)[-1]
    part = part_of(held, period)
    last_second = Instant(part.end - SECOND_MICROSECONDS)
    found = {"from": format_instant(part.start), "to_inclusive": format_instant(last_second)}
    assert expected.items() <= found.items()


def next_boundary(given: Facts, expected: Facts) -> None:
    """Where the period ends that begins at an instant, or holds it."""
    start, bracketed = without_brackets(given["period_start"])
    anchor, shift = None, 0
    if isinstance(given["billing_anchor"], str):
        anchored_at, of_anchor = without_brackets(given["billing_anchor"])
        zone_name = given.get("timezone") or bracketed or of_anchor or "UTC"
        anchor = local_date(anchored_at, zone(zone_name))
        shift = hours_after_midnight(anchored_at, zone_name)
    else:
        zone_name = given["billing_anchor"]["timezone"]
    end = given.get("subscription_end")
    held = subscribed(
        cadence=cadence_text(given["period"], given["interval_count"]),
        start=Instant(start - shift),
        end=None if end is None else Instant(parse_instant(end) - shift),
        zone_name=zone_name,
        anchor=anchor,
    )
    part = part_of(held, held.period_at(Instant(start - shift)))
    assert part.end + shift == without_brackets(expected["next_boundary"])[0]


def reset(given: Facts, expected: Facts) -> None:
    """When usage starts anew: where the period ends that holds the present."""
    start, bracketed = without_brackets(given["subscription_start"])
    now, _ = without_brackets(given["now"])
    zone_name = given["timezone"] or bracketed or "UTC"
    held = subscribed(
        cadence=given["reset"],
        start=start,
        end=None if given["subscription_end"] is None else parse_instant(given["subscription_end"]),
        zone_name=zone_name,
        anchor=local_date(without_brackets(given["billing_anchor"])[0], zone(zone_name)),
    )
    assert part_of(held, held.period_at(now)).end == without_brackets(expected["reset_at"])[0]


def tiled(given: Facts, expected: Facts) -> None:
    anchor = Anchor(
        parse_cadence(given["period"]), given["timezone"], date.fromisoformat(given["anchor"][:10])
    )
    found = periods_between(anchor, parse_instant(given["start"]), parse_instant(given["end"]))
    assert len(found) == expected["period_count"]
    assert [format_instant(period.end) for period in found] == [expected["first_end"], expected["second_end"]]


def holding(given: Facts, expected: Facts) -> None:
    """The part of a subscription's period that holds an instant."""
    start = parse_instant(given["known_start"])
    place = zone(given["timezone"])
    anchor = local_date(parse_instant(given["anchor"]), place)
    held = subscribed(cadence=given["period"], start=start, zone_name=given["timezone"], anchor=anchor)
    part = part_of(held, held.period_at(parse_instant(given["target"])))
    assert (format_instant(part.start), format_instant(part.end)) == (expected["start"], expected["end"])


def on_day(given: Facts, start: str) -> Account:
    """A subscription that is billed on a day of the month."""
    cadence = cadence_text(given["period"])
    anchor = anchor_day(cadence, date.fromisoformat(start), given["billing_day"])
    return subscribed(cadence=cadence, start=day_start(start), anchor=anchor)


def advance_period(given: Facts, expected: Facts) -> None:
    held = on_day(given, given["invoice_date"])
    part = part_of(held, held.period_at(day_start(given["invoice_date"])))
    assert {"start": day_text(part.start), "end": day_text(part.end)} == expected


def arrear_period(given: Facts, expected: Facts) -> None:
    held = on_day(given, given["billing_start_or_resume_date"])
    part = part_of(held, due(held, day_start(given["invoice_date"]))[-1])
    assert {"start": day_text(part.start), "end": day_text(part.end)} == expected


def period_of_day(given: Facts, expected: Facts) -> None:
    held = on_day(given, given["billing_start"])
    part = part_of(held, held.period_at(day_start(given["target"])))
    assert {"start": day_text(part.start), "end": day_text(part.end)} == expected


def elapsed(given: Facts, expected: Facts) -> None:
    held = on_day(given, given["billing_start"])
    assert len(due(held, day_start(given["target"]))) == expected["elapsed_cycles"]


def whole_periods(given: Facts, expected: Facts) -> None:
    """Periods that have ended by a day; in advance, those that have begun."""
    first = given.get("from", given.get("start"))
    until = day_start(given.get("to", given.get("target")))
    held = subscribed(
        cadence=cadence_text(given["period"]), start=day_start(first), anchor=date.fromisoformat(first)
    )
    if given.get("billed") == "in_advance":
        found = periods_between(held.anchor, day_start(first), Instant(until + 1))
    else:
        found = due(held, until)
    assert len(found) == expected["periods"]


def stepped(given: Facts, expected: Facts) -> None:
    anchor = Anchor(parse_cadence(cadence_text(given["period"])), "UTC", date.fromisoformat(given["start"]))
    assert [day_text(boundary(anchor, step)) for step in given["n"]] == expected["dates"]


def first_cycle(given: Facts, expected: Facts) -> None:
    """The first boundary on or after a day: the end of the period that holds the instant before it."""
    start = date.fromisoformat(given.get("start", given.get("proposed")))
    cadence = cadence_text(given.get("period", "monthly"))
    anchor = anchor_day(cadence, start, given["bill_cycle_day"])
    before = Instant(local_midnight(start, zone("UTC")) - 1)
    end = period_at(Anchor(parse_cadence(cadence), "UTC", anchor), before).end
    assert day_text(end) == expected["date"]


def same_month(given: Facts, expected: Facts) -> None:
    """The boundary that falls into the month of a day."""
    proposed = date.fromisoformat(given["proposed"])
    anchor = Anchor(Cadence.MONTHLY, "UTC", anchor_day("monthly", proposed, given["bill_cycle_day"]))
    assert day_text(boundary(anchor, proposed.month - 1)) == expected["date"]


def cycle_day(given: Facts, expected: Facts) -> None:
    day = local_date(parse_instant(given["start"]), zone(given["timezone"]))
    assert day.day == expected["bill_cycle_day"]


def billed_through(given: Facts, expected: Facts) -> None:
    """How far a subscription is billed on a day, and the first boundary after its start."""
    start, target = date.fromisoformat(given["start"]), day_start(given["target"])
    held = subscribed(
        cadence=given["period"],
        start=day_start(given["start"]),
        end=None if given["end"] is None else day_start(given["end"]),
        anchor=anchor_day(given["period"], start, given["bill_cycle_day"]),
    )
    found = due(held, target)
    assert bool(found) == expected["something_to_bill"]
    first_cycle(given, {"date": expected["first_cycle_date"]})
    through = day_text(part_of(held, found[-1]).end) if found else None
    assert through == expected["billed_through"]
    if given["end"] is None or day_start(given["end"]) > target:
        assert day_text(held.period_at(target).end) == expected["next_cycle_date"]


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {
    "billed_on": billed_on,
    "next_boundary": next_boundary,
    "reset": reset,
    "tiled": tiled,
    "holding": holding,
    "advance_period": advance_period,
    "arrear_period": arrear_period,
    "period_of_day": period_of_day,
    "elapsed": elapsed,
    "whole_periods": whole_periods,
    "stepped": stepped,
    "first_cycle": first_cycle,
    "same_month": same_month,
    "cycle_day": cycle_day,
    "billed_through": billed_through,
}
