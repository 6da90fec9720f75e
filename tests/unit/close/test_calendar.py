"""The billing periods of a subscription: whole, stubs after a change, and none twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.calendars import ANN, MONTHLY, at, calendar, phases
from tieout.close.calendar import BillingCalendar, PeriodDefault
from tieout.contract.policy import Anchoring
from tieout.contract.subscription import Grandfathered, Phase, Subscription
from tieout.kernel import calendar as kernel_calendar
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor
from tieout.kernel.ids import PlanKey
from tieout.kernel.instant import Instant, format_instant


def default(
    since: str, cadence: Cadence, anchor: Anchoring = Anchoring.CALENDAR, day: int = 1
) -> PeriodDefault:
    return PeriodDefault(at(since), cadence, anchor, day)


def told(found: BillingCalendar, until: str, since: str | None = None) -> list[str]:
    """ "start until end", with the whole period of the calendar behind a stub."""
    shown = []
    for each in found.begun(since=None if since is None else at(since), until=at(until)):
        text = f"{short(each.period.start)} until {short(each.period.end)}"
        if each.whole != each.period:
            text += f" of {short(each.whole.start)} until {short(each.whole.end)}"
        shown.append(text)
    return shown


def short(instant: Instant) -> str:
    text = format_instant(instant)
    return text.removesuffix("T00:00:00Z").removesuffix(":00Z")


BASIC = phases(("basic", "2025-11-10", None))


def test_a_start_inside_a_month_has_the_whole_month_on_its_invoice() -> None:
    ended = calendar(phases(("basic", "2025-11-10", "2026-01-05")))
    assert told(ended, "2026-12-01") == [
        "2025-11-01 until 2025-12-01",
        "2025-12-01 until 2026-01-01",
        "2026-01-01 until 2026-02-01",
    ]
    assert told(ended, "2026-12-01", since="2026-01-01") == ["2026-01-01 until 2026-02-01"]
    assert told(ended, "2025-11-01") == []


def test_a_stored_end_is_the_next_start_even_if_the_calendar_moved() -> None:
    found = calendar(BASIC)
    assert told(found, "2026-02-01", since="2026-01-01T01:00:00Z") == [
        "2026-01-01T01:00 until 2026-02-01 of 2026-01-01 until 2026-02-01"
    ]


def test_the_next_end_is_told_also_across_a_gap() -> None:
    def upcoming(subscription: Subscription) -> str | None:
        found = calendar(subscription).next_end(at("2026-01-20"))
        return None if found is None else short(found.period.end)

    assert upcoming(phases(("basic", "2025-06-01", None))) == "2026-02-01"
    assert (
        upcoming(phases(("basic", "2025-06-01", "2025-07-01"), ("basic", "2026-05-09", None))) == "2026-06-01"
    )
    assert upcoming(phases(("basic", "2025-06-01", "2025-07-01"))) is None
    assert upcoming(phases(("basic", "2025-06-01", "2026-01-05"))) == "2026-02-01"
    assert upcoming(phases(("basic", "2026-01-25", "2026-01-26"))) == "2026-02-01"


def test_an_old_subscription_costs_no_steps_of_the_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    sound = kernel_calendar.boundary

    def counted(anchor: Anchor, step: int) -> Instant:
        steps.append(step)
        return sound(anchor, step)

    monkeypatch.setattr(kernel_calendar, "boundary", counted)
    assert told(calendar(phases(("basic", "2025-06-01", "2025-07-01"))), "2099-01-01") == [
        "2025-06-01 until 2025-07-01"
    ]
    found = calendar(phases(("basic", "1999-06-01", None))).next_end(at("2099-01-20"))
    assert found is not None and short(found.period.end) == "2099-02-01"
    assert len(steps) < 30


def test_anchored_months_clamp_from_the_original_day() -> None:
    anchored = replace(ANN, anchor=date(2025, 10, 31))
    assert told(calendar(phases(("basic", "2026-01-31", None)), anchored), "2026-04-01") == [
        "2026-01-31 until 2026-02-28",
        "2026-02-28 until 2026-03-31",
        "2026-03-31 until 2026-04-30",
    ]


def test_the_policy_gives_the_day_for_who_names_none() -> None:
    fifteenth = (default("2025-01-01", Cadence.MONTHLY, day=15),)
    assert told(calendar(BASIC, defaults=fifteenth), "2025-12-16") == [
        "2025-10-15 until 2025-11-15",
        "2025-11-15 until 2025-12-15",
        "2025-12-15 until 2026-01-15",
    ]
    quarters = (default("2025-01-01", Cadence.QUARTERLY, day=31),)
    assert told(calendar(BASIC, defaults=quarters), "2026-02-01") == [
        "2025-10-31 until 2026-01-31",
        "2026-01-31 until 2026-04-30",
    ]
    own = replace(ANN, anchor=date(2020, 2, 3))
    assert told(calendar(BASIC, own, defaults=fifteenth), "2025-12-01")[0] == "2025-11-03 until 2025-12-03"
    weekly = calendar(phases(("weekly", "2025-11-12", None)), defaults=fifteenth)
    assert told(weekly, "2025-11-13") == ["2025-11-10 until 2025-11-17"]  # Mondays have no day of the month


def test_an_anniversary_is_counted_from_the_day_of_the_start() -> None:
    anniversary = (default("2025-01-01", Cadence.MONTHLY, Anchoring.ANNIVERSARY),)
    late = phases(("basic", "2026-01-30T23:30:00Z", None))  # the 31st in Paris
    paris = replace(ANN, zone="Europe/Paris")
    assert told(calendar(late, paris, defaults=anniversary), "2026-04-01") == [
        "2026-01-30T23:00 until 2026-02-27T23:00",
        "2026-02-27T23:00 until 2026-03-30T22:00",
        "2026-03-30T22:00 until 2026-04-29T22:00",
    ]
    leap = phases(("yearly", "2024-02-29", None))
    assert told(calendar(leap, defaults=anniversary), "2028-03-01") == [
        "2024-02-29 until 2025-02-28",
        "2025-02-28 until 2026-02-28",
        "2026-02-28 until 2027-02-28",
        "2027-02-28 until 2028-02-29",
        "2028-02-29 until 2029-02-28",
    ]


def test_another_policy_begins_with_the_next_period_and_a_stub() -> None:
    changed = (default("2025-01-01", Cadence.MONTHLY), default("2026-02-10", Cadence.QUARTERLY))
    found = calendar(BASIC, defaults=changed)
    assert told(found, "2026-05-01", since="2026-01-01") == [
        "2026-01-01 until 2026-02-01",
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-04-01 of 2026-01-01 until 2026-04-01",
        "2026-04-01 until 2026-07-01",
    ]
    moved = (default("2025-01-01", Cadence.MONTHLY), default("2026-02-10", Cadence.MONTHLY, day=20))
    assert told(calendar(BASIC, defaults=moved), "2026-04-01", since="2026-02-01") == [
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-03-20 of 2026-02-20 until 2026-03-20",
        "2026-03-20 until 2026-04-20",
    ]
    assert told(calendar(phases(("monthly", "2026-01-01", None)), defaults=changed), "2026-04-01") == [
        "2026-01-01 until 2026-02-01",
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-04-01",
    ]


def test_another_zone_or_anchor_begins_with_the_next_period_and_a_stub() -> None:
    berlin = replace(ANN, zone="Europe/Berlin")
    honolulu = replace(berlin, version=2, zone="Pacific/Honolulu", effective_from=at("2026-02-10"))
    found = calendar(phases(("basic", "2026-01-01", None)), berlin, honolulu)
    assert told(found, "2026-04-02", since="2026-01-31T23:00:00Z") == [
        "2026-01-31T23:00 until 2026-02-28T23:00",
        "2026-02-28T23:00 until 2026-03-01T10:00 of 2026-02-01T10:00 until 2026-03-01T10:00",
        "2026-03-01T10:00 until 2026-04-01T10:00",
        "2026-04-01T10:00 until 2026-05-01T10:00",
    ]
    back = replace(honolulu, version=3, zone="Europe/Berlin", effective_from=at("2026-03-20"))
    again = calendar(phases(("basic", "2026-01-01", None)), berlin, honolulu, back)
    assert told(again, "2026-05-01", since="2026-03-01T10:00:00Z") == [
        "2026-03-01T10:00 until 2026-04-01T10:00",
        "2026-04-01T10:00 until 2026-04-30T22:00 of 2026-03-31T22:00 until 2026-04-30T22:00",
        "2026-04-30T22:00 until 2026-05-31T22:00",
    ]
    moved = replace(ANN, version=2, anchor=date(2026, 1, 31), effective_from=at("2026-02-10"))
    assert told(calendar(BASIC, ANN, moved), "2026-04-01", since="2026-02-01") == [
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-03-31 of 2026-02-28 until 2026-03-31",
        "2026-03-31 until 2026-04-30",
    ]


def test_a_version_that_changes_no_period_leaves_no_stub() -> None:
    renamed = replace(ANN, version=2, name="Ann & Sons", effective_from=at("2026-02-10"))
    assert told(calendar(BASIC, ANN, renamed), "2026-04-01") == told(calendar(BASIC), "2026-04-01")


def test_a_plan_of_another_cadence_ends_the_period_where_it_begins() -> None:
    up = phases(("monthly", "2026-01-01", "2026-03-15"), ("yearly", "2026-03-15", None))
    assert told(calendar(up), "2027-01-02", since="2026-02-01") == [
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-03-15 of 2026-03-01 until 2026-04-01",
        "2026-03-15 until 2027-01-01 of 2026-01-01 until 2027-01-01",
        "2027-01-01 until 2028-01-01",
    ]
    same = phases(("monthly", "2026-01-01", "2026-03-15"), ("basic", "2026-03-15", None))
    assert told(calendar(same), "2026-03-15", since="2026-02-01") == [
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-04-01",
    ]
    later = replace(MONTHLY, version=2, cadence=Cadence.WEEKLY, effective_from=at("2026-03-11"))
    followed = calendar(phases(("monthly", "2026-01-01", None)), plans=(MONTHLY, later))
    assert told(followed, "2026-03-17", since="2026-03-01") == [
        "2026-03-01 until 2026-03-11 of 2026-03-01 until 2026-04-01",
        "2026-03-11 until 2026-03-16 of 2026-03-09 until 2026-03-16",
        "2026-03-16 until 2026-03-23",
    ]


def test_a_phase_that_keeps_its_plan_keeps_its_cadence() -> None:
    later = replace(MONTHLY, version=2, cadence=Cadence.WEEKLY, effective_from=at("2026-03-11"))
    kept = Grandfathered(at("2026-01-01"), PlanKey("monthly"))
    first = Phase(PlanKey("monthly"), None, at("2026-01-01"), at("2026-04-08"), grandfathered=kept)
    then = Phase(PlanKey("monthly"), None, at("2026-04-08"), None)
    subscription = replace(phases(("monthly", "2026-01-01", None)), phases=(first, then))
    assert told(calendar(subscription, plans=(MONTHLY, later)), "2026-04-09", since="2026-03-01") == [
        "2026-03-01 until 2026-04-01",
        "2026-04-01 until 2026-04-08 of 2026-04-01 until 2026-05-01",
        "2026-04-08 until 2026-04-13 of 2026-04-06 until 2026-04-13",
    ]


def test_who_comes_after_a_change_has_the_periods_of_those_who_were_there() -> None:
    """Quarters began on March 1st, after the running month: also for who subscribes on March 10th."""
    changed = (default("2025-01-01", Cadence.MONTHLY), default("2026-02-10", Cadence.QUARTERLY))
    newcomer = calendar(phases(("basic", "2026-03-10", None)), defaults=changed)
    assert told(newcomer, "2026-03-11") == ["2026-03-01 until 2026-04-01 of 2026-01-01 until 2026-04-01"]
    during = calendar(phases(("basic", "2026-02-20", None)), defaults=changed)
    assert told(during, "2026-03-11") == [
        "2026-02-01 until 2026-03-01",
        "2026-03-01 until 2026-04-01 of 2026-01-01 until 2026-04-01",
    ]


def test_periods_are_counted_with_their_stubs() -> None:
    up = calendar(phases(("monthly", "2026-01-10", "2026-03-15"), ("yearly", "2026-03-15", None)))
    assert up.count(at("2026-01-20"), at("2026-03-15")) == 3
    assert up.count(at("2026-01-20"), at("2027-01-01")) == 4
