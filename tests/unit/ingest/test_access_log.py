"""Lines of Apache and nginx, with what real servers write into them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.sample import BOOK, CSV, EXAMPLES, NOW
from tieout.contract.source import FieldSource, SourceFormat, TimeSource
from tieout.ingest.access_log import decode_line, parse_line
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw, Rejected
from tieout.kernel.instant import parse_instant
from tieout.kernel.limits import ITEM_BYTES_MAX

LOG = replace(
    CSV,
    key="web",
    format=SourceFormat.ACCESS_LOG,
    id=None,
    subject=FieldSource(column="client"),
    time=TimeSource(column="time"),
    fields=(("text", FieldSource(column="path")), ("tokens", FieldSource(column="bytes"))),
)
COMMON = b'1.2.3.4 - frank [15/Jan/2026:11:30:00 +0000] "GET /a HTTP/1.1" 200 512'


def test_a_common_line() -> None:
    assert parse_line(COMMON) == {
        "client": "1.2.3.4",
        "ident": "",
        "user": "frank",
        "time": "15/Jan/2026:11:30:00 +0000",
        "method": "GET",
        "path": "/a",
        "protocol": "HTTP/1.1",
        "status": "200",
        "bytes": "512",
        "referrer": "",
        "agent": "",
    }


def test_a_combined_line_becomes_an_event() -> None:
    event = decode_line(COMMON + b' "https://x.example/" "curl/8"\r', LOG, BOOK, received_at=NOW)
    assert isinstance(event, Event)
    assert (event.source, event.id, event.subject) == ("web", "", "1.2.3.4")
    assert event.time == parse_instant("2026-01-15T11:30:00Z")
    assert event.fields == {"text": "/a", "tokens": 512}


def test_no_size_is_no_byte_sent() -> None:
    assert parse_line(COMMON.replace(b"512", b"-"))["bytes"] == "0"


def test_escaped_quotes_and_backslashes_are_read_back_and_other_escapes_stay() -> None:
    columns = parse_line(COMMON.replace(b"/a", rb"/a?q=\"x\"\\") + rb' "-" "an \"agent\" \x16"')
    assert (columns["path"], columns["agent"]) == ('/a?q="x"\\', 'an "agent" \\x16')


@pytest.mark.parametrize(
    ("request_line", "parts"),
    [
        ("GET /a b HTTP/1.1", ("GET", "/a b", "HTTP/1.1")),
        ("GET /", ("GET", "/", "")),
        ("-", ("", "", "")),
        ("", ("", "", "")),
        (r"\x16\x03\x01", ("", r"\x16\x03\x01", "")),
    ],
)
def test_requests_that_are_none_are_still_lines(request_line: str, parts: tuple[str, str, str]) -> None:
    columns = parse_line(COMMON.replace(b"GET /a HTTP/1.1", request_line.encode()))
    assert (columns["method"], columns["path"], columns["protocol"]) == parts


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Reason.ROW_MALFORMED),
        (b"hello", Reason.ROW_MALFORMED),
        (COMMON[:-1] + b"x", Reason.ROW_MALFORMED),
        (COMMON[:40], Reason.ROW_MALFORMED),
        (COMMON + b' "-"', Reason.ROW_MALFORMED),
        (COMMON + b' "-" "unclosed', Reason.ROW_MALFORMED),
        (COMMON + b' "-" "a" "b"', Reason.ROW_MALFORMED),
        (COMMON.replace(b"200", "٢٠٠".encode()), Reason.ROW_MALFORMED),
        (COMMON.replace(b"/a", b"/\xff"), Reason.NOT_UTF8),
        (COMMON + b" " * ITEM_BYTES_MAX, Reason.TOO_LARGE),
        (b'"' + b'\\"' * 500_000, Reason.ROW_MALFORMED),
        (b"a a a [" * 100_000, Reason.ROW_MALFORMED),
    ],
)
def test_a_malformed_line_is_refused(line: bytes, reason: Reason) -> None:
    with pytest.raises(Flaw) as caught:
        parse_line(line)
    assert caught.value.reason is reason


def test_a_control_character_in_a_mapped_column_is_refused() -> None:
    outcome = decode_line(COMMON.replace(b"/a", b"/\x01"), LOG, BOOK, received_at=NOW)
    assert isinstance(outcome, Rejected) and outcome.reason is Reason.TEXT_FORBIDDEN_CHARACTER


@EXAMPLES
@given(st.binary(max_size=80) | st.text('1.- []"GET/:\\+0', max_size=80).map(str.encode))
def test_any_bytes_are_an_event_or_a_rejection(raw: bytes) -> None:
    assert isinstance(decode_line(raw, LOG, BOOK, received_at=NOW), Event | Rejected)
