"""The time grammar and its refusals; local times of a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.instant import (
    INSTANT_MAX,
    INSTANT_MIN,
    Instant,
    MalformedInstant,
    NonexistentLocalTime,
    format_instant,
    from_datetime,
    local_instant,
    parse_instant,
    to_datetime,
)
from tieout.kernel.zone import zone

EXAMPLES = settings(max_examples=200)
INSTANTS = st.integers(INSTANT_MIN, INSTANT_MAX).map(Instant)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T05:30:00+05:30", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("1970-01-01T00:00:00.1Z", 100_000),
        ("1970-01-01T00:00:00.1234567Z", 123_456),
        ("1970-01-01T00:00:00.999999999Z", 999_999),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("1970-01-01T00:00:00.000000000000000000000000001Z", 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("0001-01-01T00:00:00Z", INSTANT_MIN),
        ("9999-12-31T23:59:59.999999Z", INSTANT_MAX),
    ],
)
def test_rfc_3339_to_the_microsecond_finer_digits_floored(text: str, micros: int) -> None:
    assert parse_instant(text) == micros


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-01T00:00:00", "no zone"),
        ("2026-01-01T00:00:00.5", "no zone"),
        ("2026-13-01T00:00:00Z", "impossible"),
        ("2026-00-01T00:00:00Z", "impossible"),
        ("2026-02-30T00:00:00Z", "impossible"),
        ("2025-02-29T00:00:00Z", "impossible"),
        ("2026-01-01T24:00:00Z", "impossible"),
        ("2026-01-01T23:60:00Z", "impossible"),
        ("2016-12-31T23:59:60Z", "impossible"),
        ("2026-01-01T00:00:00+24:00", "impossible"),
        ("2026-01-01T00:00:00+00:60", "impossible"),
        ("0000-01-01T00:00:00Z", "impossible"),
        ("0001-01-01T00:00:00+00:01", "impossible"),
        ("9999-12-31T23:59:59-00:01", "impossible"),
        ("", "malformed"),
        ("2026-01-01", "malformed"),
        ("2026-01-01 00:00:00Z", "malformed"),
        ("2026-01-01T00:00Z", "malformed"),
        ("2026-1-1T00:00:00Z", "malformed"),
        ("20260101T000000Z", "malformed"),
        ("2026-01-01T00:00:00.Z", "malformed"),
        ("2026-01-01T00:00:00,5Z", "malformed"),
        ("2026-01-01T00:00:00Z\n", "malformed"),
        (" 2026-01-01T00:00:00Z", "malformed"),
        ("2026-01-01T00:00:00+0100", "malformed"),
        ("2026-01-01T00:00:00+01", "malformed"),
        ("2026-01-01T00:00:00+01:00[Europe/Paris]", "malformed"),
        ("+02026-01-01T00:00:00Z", "malformed"),
        ("２026-01-01T00:00:00Z", "malformed"),
        ("2026-01-01T00:00:0٣Z", "malformed"),
        ("1767225600", "malformed"),
        ("now", "malformed"),
        ("2026-01-01T00:00:00." + "0" * 100_000 + "Z", "malformed"),
    ],
)
def test_what_is_no_instant_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(MalformedInstant) as refusal:
        parse_instant(text)
    assert refusal.value.reason == reason
    assert len(str(refusal.value)) < 200


@EXAMPLES
@given(INSTANTS)
def test_text_and_datetime_keep_the_instant(instant: Instant) -> None:
    assert parse_instant(format_instant(instant)) == instant
    assert from_datetime(to_datetime(instant)) == instant


@EXAMPLES
@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))))
def test_parsing_equals_the_standard_library(moment: datetime) -> None:
    try:
        expected = from_datetime(moment.astimezone(UTC))
    except OverflowError:
        with pytest.raises(MalformedInstant):
            parse_instant(moment.isoformat())
    else:
        assert parse_instant(moment.isoformat()) == expected


def test_a_fraction_is_written_only_if_there_is_one() -> None:
    assert format_instant(Instant(0)) == "1970-01-01T00:00:00Z"
    assert format_instant(Instant(1)) == "1970-01-01T00:00:00.000001Z"
    assert format_instant(INSTANT_MIN) == "0001-01-01T00:00:00Z"


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(MalformedInstant):
        from_datetime(to_datetime(Instant(0)).replace(tzinfo=None))


def local(text: str, zone_name: str) -> Instant:
    return local_instant(datetime.fromisoformat(text), zone(zone_name))


def test_local_times_of_a_zone() -> None:
    assert local("2026-07-01T12:00:00.000005", "Europe/Paris") == parse_instant("2026-07-01T10:00:00.000005Z")
    # 01:30 happens twice on that night: the first, in summer time
    assert local("2026-11-01T01:30:00", "America/New_York") == parse_instant("2026-11-01T05:30:00Z")


@pytest.mark.parametrize(
    ("text", "zone_name"),
    [("2026-03-08T02:30:00", "America/New_York"), ("2011-12-30T12:00:00", "Pacific/Apia")],
)
def test_local_times_that_clocks_skipped_are_refused(text: str, zone_name: str) -> None:
    with pytest.raises(NonexistentLocalTime):
        local(text, zone_name)


def test_local_times_before_the_first_instant_are_refused() -> None:
    with pytest.raises(MalformedInstant):
        local("0001-01-01T00:00:00", "Asia/Tokyo")
