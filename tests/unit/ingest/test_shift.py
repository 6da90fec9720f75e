"""The rule of the pipeline alerts: what alerts, what never does, and one case computed by hand."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tieout.ingest.rate import VerdictCounts
from tieout.ingest.shift import (
    DAYS_BACK,
    HOURS_BEFORE,
    ITEMS_MIN,
    Share,
    ShiftKind,
    shift_of,
    shifts,
)
from tieout.kernel.instant import DAY_MICROSECONDS, HOUR_MICROSECONDS, Instant, parse_instant

NOON = parse_instant("2026-03-01T12:00:00Z")
many = st.integers(ITEMS_MIN, 10**7)


def hour(before: int) -> Instant:
    return Instant(NOON - before * HOUR_MICROSECONDS)


@given(
    part=st.integers(0, 1_000), more=st.integers(0, 1_000), now=st.integers(1, 500), then=st.integers(1, 500)
)
def test_the_same_rate_never_alerts(part: int, more: int, now: int, then: int) -> None:
    whole = part + more
    if whole:
        assert shift_of(Share(part * now, whole * now), Share(part * then, whole * then)) is None


@given(now=many, before=many, usual=st.fractions(Fraction(1, 4), 1, max_denominator=1_000))
def test_a_drop_to_zero_from_a_quarter_or_more_alerts(now: int, before: int, usual: Fraction) -> None:
    part = -(-before * usual.numerator // usual.denominator)
    assert shift_of(Share(0, now), Share(part, before)) is not None
    assert shift_of(Share(now, now), Share(before - part, before)) is not None, "and so does its mirror image"


@given(a=st.integers(0, 10**6), n=many, b=st.integers(0, 10**6), m=many)
def test_a_rate_and_its_complement_alert_together(a: int, n: int, b: int, m: int) -> None:
    """Accepted of received or not accepted of received: the same shift, told from the other side."""
    a, b = min(a, n), min(b, m)
    assert shift_of(Share(a, n), Share(b, m)) == shift_of(Share(n - a, n), Share(m - b, m))
    assert shift_of(Share(a, n), Share(b, m)) == shift_of(Share(b, m), Share(a, n))


@given(part=st.integers(0, ITEMS_MIN - 1), whole=st.integers(1, ITEMS_MIN - 1), b=st.integers(0, 10**6))
def test_few_items_never_alert(part: int, whole: int, b: int) -> None:
    few, much = Share(min(part, whole), whole), Share(b, 10**6)
    assert shift_of(few, much) is None and shift_of(much, few) is None


@given(a=st.integers(0, 1_000), b=st.integers(0, 1_000))
def test_less_than_a_tenth_apart_never_alerts(a: int, b: int) -> None:
    if abs(a - b) < 100:
        assert shift_of(Share(a * 10**6, 10**9), Share(b * 10**6, 10**9)) is None


def test_by_hand() -> None:
    """80 of 100 after 950 of 1000. a*m - b*n = 80000 - 95000 = -15000; s = 1030, t = 1100, t - s = 70.
    z^2 = 15000^2 * 1100 / (100 * 1000 * 1030 * 70) = 2475000000 / 72100000 = 34.3.
    """
    found = shift_of(Share(80, 100), Share(950, 1_000))
    assert found == Fraction(15_000**2 * 1_100, 100 * 1_000 * 1_030 * 70)
    assert 34 < found < 35
    assert shift_of(Share(85, 100), Share(950, 1_000)) is None, (
        "a tenth apart, and not beyond chance (z^2 = 16.5)"
    )


def test_hours_are_compared_with_those_in_which_something_came() -> None:
    usual, broken = VerdictCounts(accepted=50), VerdictCounts(quarantined=120)
    by_hour = {hour(24 * day): usual for day in range(1, 31)} | {hour(0): broken, hour(-1): broken}
    (found,) = shifts("gateway", NOON, by_hour)
    assert found.kind is ShiftKind.ACCEPTANCE
    assert (found.now, found.before) == (Share(0, 120), Share(24 * 50, 24 * 50))
    assert found.hours_before == HOURS_BEFORE
    assert found.first_hour_before == hour(24 * 24)


def test_hours_too_long_ago_are_not_compared_with() -> None:
    long_ago = Instant(NOON - DAYS_BACK * DAY_MICROSECONDS - HOUR_MICROSECONDS)
    by_hour = {long_ago: VerdictCounts(accepted=10**6), NOON: VerdictCounts(quarantined=10**6)}
    assert shifts("gateway", NOON, by_hour) == ()


def test_a_flood_of_resends_shifts_both_rates() -> None:
    by_hour = {hour(1): VerdictCounts(accepted=1_000), NOON: VerdictCounts(duplicate=1_000)}
    found = shifts("gateway", NOON, by_hour)
    assert [shift.kind for shift in found] == [ShiftKind.ACCEPTANCE, ShiftKind.DUPLICATES]
    assert len({shift.id for shift in found}) == 2


def test_an_id_is_of_source_kind_and_hour_alone() -> None:
    before = {hour(1): VerdictCounts(accepted=1_000), hour(0): VerdictCounts(quarantined=500)}
    later = before | {hour(0): VerdictCounts(quarantined=700)}
    (first,), (second,) = shifts("gateway", NOON, before), shifts("gateway", NOON, later)
    assert first != second and first.id == second.id
    (other,) = shifts("gateway2", NOON, before)
    assert other.id != first.id
