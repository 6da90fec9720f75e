"""Vectors about instants, periods and calendars, put to the kernel. Each runner asserts what is expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from tieout.kernel.cadence import Cadence, parse_cadence
from tieout.kernel.calendar import Anchor, boundary, local_date, local_midnight, period_at
from tieout.kernel.instant import Instant, MalformedInstant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.zone import zone

Facts = Mapping[str, Any]

CADENCES = {
    "P1D": Cadence.DAILY,
    "P1W": Cadence.WEEKLY,
    "P1M": Cadence.MONTHLY,
    "P1Y": Cadence.YEARLY,
    "day": Cadence.DAILY,
    "week": Cadence.WEEKLY,
}
NAMES = {
    "annual": "yearly",
    "thirty_days": "every 30 days",
}
UNITS = {"daily": "days", "weekly": "weeks", "monthly": "months", "quarterly": "months", "annual": "years"}
MONDAY = date(2024, 1, 1)


def timestamp(given: Facts, expected: Facts) -> None:
    try:
        parse_instant(given.get("text", given.get("timestamp")))
    except MalformedInstant:
        assert not expected["valid"]
    else:
        assert expected["valid"]


def step(given: Facts, expected: Facts) -> None:
    """One step of a cadence."""
    start = parse_instant(given["start"])
    shift = hours_after_midnight(start, "UTC")
    anchor = anchored(CADENCES[given["duration"]], start, "UTC")
    assert boundary(anchor, 1) + shift == parse_instant(expected["result"])


def window(given: Facts, expected: Facts) -> None:
    start = parse_instant(given["anchor"])
    shift = hours_after_midnight(start, "UTC")
    anchor = anchored(CADENCES[given["interval"]], start, "UTC")
    period = period_at(anchor, Instant(parse_instant(given["instant"]) - shift))
    assert period.start + shift == parse_instant(expected["from"])
    assert period.end + shift == parse_instant(expected["to_exclusive"])


def previous_boundary(given: Facts, expected: Facts) -> None:
    anchor = anchored(CADENCES[given["interval"]], parse_instant(given["anchor"]), "UTC")
    assert given["boundary"] == "exclusive"
    before = Instant(parse_instant(given["instant"]) - 1)
    assert period_at(anchor, before).start == parse_instant(expected["previous"])


def inside(given: Facts, expected: Facts) -> None:
    period = Period(parse_instant(given["start"]), parse_instant(given["end"]))
    assert period.contains(parse_instant(given["event_time"])) == expected["inside"]


def billing_period(given: Facts, expected: Facts) -> None:
    start, bracketed = without_brackets(given["billing_anchor"])
    zone_name = given["timezone"] or bracketed or "UTC"
    shift = hours_after_midnight(start, zone_name)
    anchor = anchored(parse_cadence(cadence_text(given["period"], given["interval_count"])), start, zone_name)
    event_time, _ = without_brackets(given["event_time"])
    period_start, _ = without_brackets(expected["period_start"])
    assert period_at(anchor, Instant(event_time - shift)).start + shift == period_start


def bucket(given: Facts, expected: Facts) -> None:
    anchor = Anchor(CADENCES[given["bucket"]], given["timezone"], MONDAY)
    assert period_at(anchor, parse_instant(given["instant"])).start == parse_instant(expected["bucket_start"])


def days_ahead(given: Facts, expected: Facts) -> None:
    start, zone_name = parse_instant(given["instant"]), given["timezone"]
    shift = hours_after_midnight(start, zone_name)
    anchor = anchored(Cadence.DAILY, start, zone_name)
    assert boundary(anchor, given["days"]) + shift == parse_instant(expected["instant"])


def days_between(given: Facts, expected: Facts) -> None:
    place = zone(given["timezone"])
    first, last = (local_date(parse_instant(given[end]), place) for end in ("start", "end"))
    assert (last - first).days == expected["days"]


def months(given: Facts, expected: Facts) -> None:
    """One unit at each instant, counted by local month."""
    place = zone(given["timezone"])
    anchor = Anchor(Cadence.MONTHLY, given["timezone"], date(2023, 1, 1))
    counts: dict[str, int] = {}
    for text in given["event_times"]:
        month = local_date(period_at(anchor, parse_instant(text)).start, place).strftime("%Y-%m")
        counts[month] = counts.get(month, 0) + 1
    assert {month: str(count) for month, count in counts.items()} == expected


def cadence_text(name: str, count: int = 1) -> str:
    """The cadence of the product that says the same."""
    return NAMES.get(name, name) if count == 1 else f"every {count} {UNITS[name]}"


def anchored(cadence: Cadence, start: Instant, zone_name: str) -> Anchor:
    return Anchor(cadence, zone_name, local_date(start, zone(zone_name)))


def hours_after_midnight(start: Instant, zone_name: str) -> int:
    """Microseconds since local midnight: what peers that start periods at any hour add to ours."""
    place = zone(zone_name)
    return start - local_midnight(local_date(start, place), place)


def without_brackets(text: str) -> tuple[Instant, str | None]:
    """The instant of a text in the manner of RFC 9557, and its zone."""
    match = re.fullmatch(r"([^\[]+)(?:\[(.+)\])?", text)
    assert match is not None, text
    instant = parse_instant(match.group(1))
    return instant, match.group(2)


RUNNERS: dict[str, Callable[[Facts, Facts], None]] = {
    "timestamp": timestamp,
    "step": step,
    "window": window,
    "previous_boundary": previous_boundary,
    "inside": inside,
    "billing_period": billing_period,
    "bucket": bucket,
    "days_ahead": days_ahead,
    "days_between": days_between,
    "months": months,
}
