"""When a message goes: quiet hours on any zone's clocks, and pauses between attempts."""

from __future__ import annotations

from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.contract.notice_target import QuietHours
from tieout.kernel.instant import HOUR_MICROSECONDS, SECOND_MICROSECONDS, Instant, parse_instant, to_datetime
from tieout.kernel.zone import zone
from tieout.notice.attempt import PAUSE_SECONDS_MAX, Outcome, Sent, next_attempt_at
from tieout.notice.message import wire_id
from tieout.notice.routing import quiet_until

ZONES = st.sampled_from(sorted(available_timezones()))
MINUTES = st.integers(0, 1439)
TIMES = st.integers(parse_instant("2000-01-01T00:00:00Z"), parse_instant("2040-01-01T00:00:00Z")).map(Instant)


def is_quiet(quiet: QuietHours, instant: Instant) -> bool:
    """Read off the wall, minute by minute."""
    local = to_datetime(instant).astimezone(zone(quiet.zone))
    minute, end = local.hour * 60 + local.minute, quiet.end_minute
    minutes = [(quiet.start_minute + more) % 1440 for more in range((end - quiet.start_minute) % 1440)]
    return minute in minutes


@given(MINUTES, MINUTES, ZONES, TIMES)
def test_quiet_hours_hold_when_the_wall_says_so_and_end(start: int, end: int, name: str, at: Instant) -> None:
    if start == end:
        return
    quiet = QuietHours(start, end, name)
    found = quiet_until(quiet, at)
    assert (found is not None) == is_quiet(quiet, at)
    if found is not None:
        assert at < found <= at + 26 * HOUR_MICROSECONDS, "later, and within a day of any length"


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (("22:00", "07:00", "Europe/Berlin"), "2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z"),  # spring
        (("22:00", "07:00", "Europe/Berlin"), "2026-10-24T23:00:00Z", "2026-10-25T06:00:00Z"),  # autumn
        (("22:00", "07:00", "Europe/Berlin"), "2026-06-01T21:59:59Z", "2026-06-02T05:00:00Z"),
        (("01:00", "02:30", "Europe/Berlin"), "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),  # in the gap
        (("01:00", "02:30", "Europe/Berlin"), "2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z"),  # first of two
        (("01:00", "02:30", "Europe/Berlin"), "2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z"),  # second
    ],
)
def test_quiet_hours_over_midnight_and_clock_changes(
    quiet: tuple[str, str, str], at: str, until: str
) -> None:
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in quiet[:2])
    found = quiet_until(QuietHours(start, end, quiet[2]), parse_instant(at))
    assert found == parse_instant(until)


@given(
    st.integers(1, 20), st.integers(1, 20), TIMES, st.binary(min_size=2, max_size=2), st.integers(0, 10**6)
)
def test_pauses_grow_and_have_a_bound(most: int, count: int, now: Instant, chance: bytes, asked: int) -> None:
    failed = Sent(Outcome.FAILED, 503, "answered 503")
    again = next_attempt_at(failed, attempts=count, attempts_max=most, now=now, chance=chance)
    if count >= most:
        assert again is None
        return
    assert again is not None
    pause = (again - now) / SECOND_MICROSECONDS
    least = min(5 * 4 ** (count - 1), PAUSE_SECONDS_MAX)
    assert least <= pause < least * 1.25
    patient = Sent(Outcome.FAILED, 503, "answered 503", asked)
    later = next_attempt_at(patient, attempts=count, attempts_max=most, now=now, chance=chance)
    assert later is not None and again <= later <= max(again, now + 86_400 * SECOND_MICROSECONDS)
    for ended in (Outcome.DELIVERED, Outcome.REFUSED):
        assert (
            next_attempt_at(Sent(ended, 200, ""), attempts=1, attempts_max=9, now=now, chance=chance) is None
        )


def test_a_digest_has_one_id_in_any_order() -> None:
    from tests.notices import notice
    from tieout.kernel.ids import NoticeTargetKey

    ops, pair = NoticeTargetKey("ops"), [notice("a"), notice("b")]
    assert wire_id(ops, pair) == wire_id(ops, pair[::-1])
    assert wire_id(ops, pair) != wire_id(NoticeTargetKey("other"), pair)
    assert wire_id(ops, pair[:1]) == notice("a").id
