"""A time in a file is one instant: by its offset, or by the zone whose clocks wrote it."""

from __future__ import annotations

import pytest

from tieout.ingest.local_time import UnreadableLayout, pattern, read_time
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.kernel.instant import format_instant

PLAIN = "%Y-%m-%d %H:%M:%S"
ACCESS = "%d/%b/%Y:%H:%M:%S %z"
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("text", "layout", "zone_name", "instant"),
    [
        ("2023-11-16 18:17:03.9799600", PLAIN, "UTC", "2023-11-16T18:17:03.979960Z"),
        ("2023-11-16 18:17:03.9799600", PLAIN + ".%f", "UTC", "2023-11-16T18:17:03.979960Z"),
        ("2023-11-16 18:17:03.9999999", PLAIN + ".%f", "UTC", "2023-11-16T18:17:03.999999Z"),
        ("2023-11-16 18:17:03", PLAIN + ".%f", "UTC", "2023-11-16T18:17:03Z"),
        ("2023-11-16 18:17:03.123456789123", PLAIN, "UTC", "2023-11-16T18:17:03.123456Z"),
        ("2023-11-16 18:17:03,5", "%Y-%m-%d %H:%M:%S,%f", "UTC", "2023-11-16T18:17:03.500000Z"),
        ("2019-03-01 18:43:31", PLAIN, NEW_YORK, "2019-03-01T23:43:31Z"),
        ("2019-03-20 16:30:11", PLAIN, NEW_YORK, "2019-03-20T20:30:11Z"),
        ("2019-03-10 03:00:00", PLAIN, NEW_YORK, "2019-03-10T07:00:00Z"),
        ("2019-11-03 01:30:00", PLAIN, NEW_YORK, "2019-11-03T05:30:00Z"),
        ("17/May/2015:10:05:03 +0000", ACCESS, None, "2015-05-17T10:05:03Z"),
        ("17/May/2015:10:05:03 -0730", ACCESS, None, "2015-05-17T17:35:03Z"),
        ("17/May/2015:10:05:03 -0730", ACCESS, "UTC", "2015-05-17T17:35:03Z"),
        ("20150517T100503Z", "%Y%m%dT%H%M%S%z", None, "2015-05-17T10:05:03Z"),
        ("2015-05-17T10:05:03.1234567+02:00", None, None, "2015-05-17T08:05:03.123456Z"),
    ],
)
def test_the_instant(text: str, layout: str | None, zone_name: str | None, instant: str) -> None:
    assert format_instant(read_time(text, layout=layout, zone_name=zone_name)) == instant


@pytest.mark.parametrize(
    ("text", "layout", "zone_name", "reason"),
    [
        ("2019-03-10 02:30:00", PLAIN, NEW_YORK, Reason.TIME_IMPOSSIBLE),
        ("2019-02-29 02:30:00", PLAIN, NEW_YORK, Reason.TIME_IMPOSSIBLE),
        ("2019-02-28 24:00:00", PLAIN, "UTC", Reason.TIME_IMPOSSIBLE),
        ("2019-02-28 23:59:60", PLAIN, "UTC", Reason.TIME_IMPOSSIBLE),
        ("0000-01-01 00:00:00", PLAIN, "UTC", Reason.TIME_IMPOSSIBLE),
        ("0001-01-01 00:00:00", PLAIN, "Asia/Tokyo", Reason.TIME_IMPOSSIBLE),
        ("31/Feb/2015:10:05:03 +0000", ACCESS, None, Reason.TIME_IMPOSSIBLE),
        ("17/May/2015:10:05:03 +2400", ACCESS, None, Reason.TIME_IMPOSSIBLE),
        ("2019-03-10 12:30:00", PLAIN, None, Reason.TIME_NAIVE),
        ("2019-03-10T12:30:00", None, "UTC", Reason.TIME_NAIVE),
        ("2019-03-10 12:30", PLAIN, "UTC", Reason.TIME_MALFORMED),
        ("2019-03-10 12:30:00.", PLAIN, "UTC", Reason.TIME_MALFORMED),
        ("2019-03-10 12:30:00 ", PLAIN, "UTC", Reason.TIME_MALFORMED),
        ("2019-03-10 12:30:00\n", PLAIN, "UTC", Reason.TIME_MALFORMED),
        ("٢٠١٩-03-10 12:30:00", PLAIN, "UTC", Reason.TIME_MALFORMED),
        ("17/Mai/2015:10:05:03 +0000", ACCESS, None, Reason.TIME_MALFORMED),
        ("2019-03-10 12:30:00." + "9" * 100, PLAIN, "UTC", Reason.TIME_MALFORMED),
    ],
)
def test_what_is_no_instant(text: str, layout: str | None, zone_name: str | None, reason: Reason) -> None:
    with pytest.raises(Flaw) as caught:
        read_time(text, layout=layout, zone_name=zone_name)
    assert (caught.value.reason, caught.value.field) == (reason, "time")


@pytest.mark.parametrize(
    "layout",
    [
        "",
        "%H:%M:%S",
        "%Y-%m-%d",
        "%Y-%Y-%d %H:%M:%S",
        "%Y-%m-%d %b %H:%M:%S",
        PLAIN + " %p",
        PLAIN + "%",
        PLAIN + "%f%f",
    ],
)
def test_a_layout_without_a_full_time_is_refused(layout: str) -> None:
    with pytest.raises(UnreadableLayout) as caught:
        pattern(layout)
    assert repr(layout) in str(caught.value)
