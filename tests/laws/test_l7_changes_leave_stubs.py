"""L7: whatever changes of zone, anchor, policy or plan, the periods of a subscription tile its time, and what
becomes known later moves no period that has ended. In every zone of the pinned tzdata, in every run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.calendars import ANN, PLAN, calendar, subscribed
from tests.laws.naive_periods import Asked, Terms, naive_periods
from tieout.close.calendar import BillingCalendar, BillingPeriod, PeriodDefault
from tieout.contract.policy import Anchoring
from tieout.contract.subscription import Phase
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PlanKey
from tieout.kernel.instant import Instant, from_datetime, to_datetime
from tieout.kernel.zone import zone_names

ZONES = sorted(zone_names())
AT_ONCE = 15
GROUPS = [ZONES[start : start + AT_ONCE] for start in range(0, len(ZONES), AT_ONCE)]
ELSEWHERE = [
    "UTC",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/New_York",
    "Asia/Kolkata",
    "Europe/Berlin",
]
CADENCES = [
    Cadence.DAILY,
    Cadence.WEEKLY,
    Cadence.MONTHLY,
    Cadence.QUARTERLY,
    Cadence.HALF_YEARLY,
    Cadence.YEARLY,
    Cadence(days=10),
    Cadence(months=5),
]
FIRST = datetime(1999, 1, 1, tzinfo=UTC)
STARTS = st.one_of(
    st.integers(0, 37 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    st.sampled_from(
        [
            datetime(2011, 12, 28, 20, tzinfo=UTC),  # before the day that Apia never had
            datetime(2024, 2, 29, 1, tzinfo=UTC),
            datetime(2026, 1, 31, tzinfo=UTC),
            datetime(2026, 3, 8, 6, 59, tzinfo=UTC),  # clocks in New York jump a minute later
            datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # half an hour is skipped on Lord Howe
        ]
    ),
)
ANCHORS = st.one_of(
    st.none(),
    st.none(),
    st.dates(date(2020, 1, 1), date(2025, 12, 31)),
    st.sampled_from([date(2024, 2, 29), date(2026, 1, 31), date(2023, 12, 30)]),
)
HOURS = st.integers(1, 180 * 24)


@dataclass(frozen=True)
class Customers:
    after: timedelta
    zone: int
    anchor: date | None


@dataclass(frozen=True)
class Policies:
    after: timedelta
    cadence: Cadence
    anchoring: Anchoring
    day: int


@dataclass(frozen=True)
class History:
    """Everything that was ever agreed; `zone` -1 is the zone under test, else one elsewhere."""

    start: datetime
    customers: tuple[Customers, ...]
    policies: tuple[Policies, ...]
    plans: tuple[tuple[timedelta, Cadence | None], ...]
    seen_after: timedelta


@st.composite
def histories(draw: st.DrawFn) -> History:
    def times(size: int) -> list[timedelta]:
        hours = draw(st.lists(HOURS, max_size=size, unique=True))
        return [timedelta(0), *(timedelta(hours=count) for count in sorted(hours))]

    zones = st.sampled_from([-1, -1, *range(len(ELSEWHERE))])
    anchorings = st.sampled_from(list(Anchoring))
    days = st.sampled_from([1, 1, 15, 29, 30, 31])
    return History(
        start=draw(STARTS),
        customers=tuple(Customers(after, draw(zones) if after else -1, draw(ANCHORS)) for after in times(3)),
        policies=tuple(
            Policies(after, draw(st.sampled_from(CADENCES)), draw(anchorings), draw(days))
            for after in times(3)
        ),
        plans=tuple((after, draw(st.sampled_from([None, None, *CADENCES]))) for after in times(2)),
        seen_after=timedelta(hours=draw(HOURS)),
    )


TO_NEW_YORK_AND_BACK = History(
    start=datetime(2026, 1, 31, tzinfo=UTC),
    customers=(
        Customers(timedelta(0), -1, None),
        Customers(timedelta(days=40), 3, None),
        Customers(timedelta(days=41), -1, date(2024, 2, 29)),
    ),
    policies=(Policies(timedelta(0), Cadence.MONTHLY, Anchoring.ANNIVERSARY, 1),),
    plans=((timedelta(0), None), (timedelta(days=100), Cadence.YEARLY)),
    seen_after=timedelta(days=45),
)


@pytest.mark.parametrize("zones", GROUPS, ids=lambda zones: zones[0])
def test_changes_leave_stubs_and_neither_gap_nor_overlap(zones: list[str]) -> None:
    @settings(max_examples=3, deadline=None)
    @given(histories())
    @example(TO_NEW_YORK_AND_BACK)
    def in_each_zone(history: History) -> None:
        for zone in zones:
            _tiles(history, zone)

    in_each_zone()


def _tiles(history: History, zone: str) -> None:
    start = history.start
    until = start + timedelta(days=220)
    known = _calendar(history, zone)
    found = list(known.begun(since=None, until=from_datetime(until)))
    assert found[0].period.contains(from_datetime(start))
    assert all(before.period.end == after.period.start for before, after in pairwise(found)), (history, zone)
    assert [_told(each) for each in found] == list(_expected(history, zone, until)), (history, zone)
    for each in found[:: 1 + len(found) // 12]:
        assert each.whole.start <= each.period.start and each.period.end <= each.whole.end
        assert known.at(each.period.start) == each == known.at(Instant(each.period.end - 1))
    sealed = len(found) // 2
    rest = known.begun(since=found[sealed].period.end, until=from_datetime(until))
    assert list(rest) == found[sealed + 1 :]
    seen = from_datetime(start + history.seen_after)
    before = _calendar(_known_by(history, history.seen_after), zone)
    ended = [each for each in before.begun(since=None, until=seen) if each.period.end <= seen]
    assert found[: len(ended)] == ended, (history, zone)


def _known_by(history: History, after: timedelta) -> History:
    return replace(
        history,
        customers=tuple(each for each in history.customers if each.after <= after),
        policies=tuple(each for each in history.policies if each.after <= after),
        plans=tuple(each for each in history.plans if each[0] <= after),
    )


def _calendar(history: History, zone: str) -> BillingCalendar:
    def since(after: timedelta) -> Instant:
        return from_datetime(history.start + after)

    profiles = [
        replace(
            ANN,
            version=place,
            effective_from=since(each.after),
            zone=_zone(each, zone),
            anchor=each.anchor,
        )
        for place, each in enumerate(history.customers, start=1)
    ]
    defaults = tuple(
        PeriodDefault(since(each.after), each.cadence, each.anchoring, each.day) for each in history.policies
    )
    plans = [
        replace(PLAN, key=PlanKey(f"plan{place}"), cadence=cadence, effective_from=Instant(0))
        for place, (_, cadence) in enumerate(history.plans)
    ]
    starts = [since(after) for after, _ in history.plans]
    phases = [
        Phase(plan.key, 1, begins, ends)
        for plan, begins, ends in zip(plans, starts, [*starts[1:], None], strict=True)
    ]
    return calendar(subscribed(*phases), *profiles, defaults=defaults, plans=tuple(plans))


def _zone(each: Customers, zone: str) -> str:
    return zone if each.zone < 0 else ELSEWHERE[each.zone]


def _expected(history: History, zone: str, until: datetime) -> list[tuple[datetime, ...]]:
    terms = []
    for after in sorted({each.after for each in (*history.customers, *history.policies)}):
        customer = [each for each in history.customers if each.after <= after][-1]
        policy = [each for each in history.policies if each.after <= after][-1]
        day = None if policy.anchoring is Anchoring.ANNIVERSARY else policy.day
        place = _zone(customer, zone)
        terms.append(Terms(history.start + after, place, _pair(policy.cadence), customer.anchor, day))
    asked = [Asked(history.start + after, cadence and _pair(cadence)) for after, cadence in history.plans]
    return list(naive_periods(terms, asked, history.start, until))


def _pair(cadence: Cadence) -> tuple[str, int]:
    return ("days", cadence.days) if cadence.days else ("months", cadence.months)


def _told(found: BillingPeriod) -> tuple[datetime, ...]:
    instants = (found.period.start, found.period.end, found.whole.start, found.whole.end)
    return tuple(to_datetime(instant) for instant in instants)
