"""What strangers and broken senders send as events: each is refused for one named reason, and nothing breaks.

The list is that of the traps measured in libraries that others build on (NaN as a decimal, exponents that
take 29 seconds, last-wins keys, recursion errors); here they are rows of a quarantine.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.ingest.sample import (
    BOOK,
    EXAMPLES,
    NOW,
    accepted,
    decoded,
    item,
    reason_of,
    refused,
    with_data,
)
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event, canonical_of
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import DETAIL_LENGTH_MAX, Rejected
from tieout.kernel.instant import parse_instant
from tieout.kernel.limits import ITEM_BYTES_MAX

GOOD = item()


def tokens(text: str) -> bytes:
    return with_data('{"tokens": ' + text + "}")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"hello, world", Reason.NOT_JSON),
        (b"id=e1&tokens=12", Reason.NOT_JSON),
        (b"<event/>", Reason.NOT_JSON),
        (GOOD + b"x", Reason.NOT_JSON),
        (GOOD + GOOD, Reason.NOT_JSON),
        (b"\xef\xbb\xbf" + GOOD, Reason.NOT_JSON),
        (GOOD[:-1], Reason.TRUNCATED),
        (GOOD[:-20], Reason.TRUNCATED),
        (GOOD[:1], Reason.TRUNCATED),
        (GOOD.decode().encode("utf-16"), Reason.NOT_UTF8),
        (GOOD.replace(b"client-7", b"client-\xff"), Reason.NOT_UTF8),
        (b"\x1f\x8b\x08", Reason.NOT_UTF8),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b'"event"', Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b"7", Reason.NOT_AN_OBJECT),
        (item(data={"tokens": 1, "x": "y" * ITEM_BYTES_MAX}), Reason.TOO_LARGE),
        (with_data("[" * 1_000 + "]" * 1_000), Reason.NESTING_TOO_DEEP),
        (with_data('{"a":' * 1_000 + "0" + "}" * 1_000), Reason.NESTING_TOO_DEEP),
        (b"[" * 100_000, Reason.NESTING_TOO_DEEP),
    ],
)
def test_what_cannot_be_decoded_is_received_under_the_unknown_source(raw: bytes, reason: Reason) -> None:
    outcome = refused(raw, default_source="gateway")
    assert outcome.reason is reason
    if reason is not Reason.NOT_AN_OBJECT:
        assert (outcome.source, outcome.id) == ("unknown", None)


@pytest.mark.parametrize("cut", range(1, len(GOOD)))
def test_every_truncation_of_an_event_is_truncated(cut: int) -> None:
    assert reason_of(GOOD[:cut]) is Reason.TRUNCATED


@pytest.mark.parametrize(
    "raw",
    [
        GOOD.replace(b'"id"', b'"id": "e0", "id"'),
        GOOD.replace(b'"id"', b'"\\u0069d": "e0", "id"'),
        with_data('{"tokens": 1, "tokens": 1}'),
        with_data('{"tokens": 1, "tok\\u0065ns": 2}'),
        with_data('{"tokens": 1, "x": [{"a": {"b": 1, "b": 1}}]}'),
    ],
)
def test_a_key_twice_is_refused_at_every_level(raw: bytes) -> None:
    assert reason_of(raw) is Reason.DUPLICATE_KEY


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", Reason.NUMBER_MALFORMED),
        ("Infinity", Reason.NUMBER_MALFORMED),
        ("-Infinity", Reason.NUMBER_MALFORMED),
        ('"NaN"', Reason.NUMBER_MALFORMED),
        ('"sNaN"', Reason.NUMBER_MALFORMED),
        ('"Infinity"', Reason.NUMBER_MALFORMED),
        ('"inf"', Reason.NUMBER_MALFORMED),
        ("1e999999999", Reason.NUMBER_MALFORMED),
        ('"1e999999999"', Reason.NUMBER_MALFORMED),
        ("1E2", Reason.NUMBER_MALFORMED),
        ('"1_000"', Reason.NUMBER_MALFORMED),
        ("1_000", Reason.NOT_JSON),
        ('"1,000"', Reason.NUMBER_MALFORMED),
        ('" 1 "', Reason.NUMBER_MALFORMED),
        ('"+1"', Reason.NUMBER_MALFORMED),
        ('".5"', Reason.NUMBER_MALFORMED),
        ('"1."', Reason.NUMBER_MALFORMED),
        ('"0x1F"', Reason.NUMBER_MALFORMED),
        ('"١٢٣"', Reason.NUMBER_MALFORMED),
        ('"１２３"', Reason.NUMBER_MALFORMED),
        ('"\u0661"', Reason.NUMBER_MALFORMED),
        ("١٢٣", Reason.NOT_JSON),
        ('"1\\n"', Reason.TEXT_FORBIDDEN_CHARACTER),
        ("0.1" + "0" * 39 + "1", Reason.NUMBER_DIGITS),
        ('"0.1%s"' % ("1" * 40), Reason.NUMBER_DIGITS),
        ("9" * 5_000, Reason.NUMBER_DIGITS),
        ('"%s"' % ("9" * 5_000), Reason.NUMBER_DIGITS),
        ('""', Reason.NUMBER_MALFORMED),
        ('"abc"', Reason.NUMBER_MALFORMED),
        ("null", Reason.FIELD_MISSING),
    ],
)
def test_what_others_call_a_number(text: str, reason: Reason) -> None:
    assert reason_of(tokens(text)) is reason


@pytest.mark.parametrize(
    ("one", "other"), [("12", '"12"'), ("12.0", '"12.000"'), ("-0", '"0"'), ("7", '"007"')]
)
def test_a_number_as_text_and_as_number_is_the_same_quantity_and_content(one: str, other: str) -> None:
    first, second = accepted(tokens(one)), accepted(tokens(other))
    contract = BOOK.get("api.call", 1)
    assert contract is not None
    assert first.fields == second.fields
    assert canonical_of(first, contract) == canonical_of(second, contract)


@pytest.mark.parametrize(
    "text",
    [
        "\\u0000",
        "\\u0007",
        "\\u001b[31m",
        "\\t",
        "\\n",
        "\\u0085",
        "\\ud800",
        "x\\udfff",
        "\\u202e",
        "\u2067",
        "e\u0301",
    ],
)
def test_characters_that_lie_or_break_stores_are_refused_in_any_text(text: str) -> None:
    forbidden = Reason.TEXT_FORBIDDEN_CHARACTER
    for name in ("note", "text", "model", "undeclared"):
        outcome = refused(with_data(f'{{"tokens": 1, "{name}": "{text}"}}'))
        assert (outcome.reason, outcome.field) == (forbidden, f"data.{name}")
    assert reason_of(with_data(f'{{"tokens": 1, "{text}": 1}}')) is forbidden
    for name in ("id", "source", "subject", "type", "time", "traceparent"):
        assert reason_of(item(**{name: "TEXT"}).replace(b"TEXT", text.encode())) is forbidden


@pytest.mark.parametrize(
    "value",
    [
        ...,
        None,
        "",
        7,
        True,
        ["e1"],
        {"id": "e1"},
        "e 1",
        "é1",
        "e\u200b1",
        "ｅ1",
        "x" * 10_000,
    ],
)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("id", Reason.ID_MALFORMED),
        ("source", Reason.SOURCE_MALFORMED),
        ("subject", Reason.SUBJECT_MALFORMED),
        ("type", Reason.UNKNOWN_TYPE),
    ],
)
def test_names_are_there_short_and_visible(name: str, reason: Reason, value: object) -> None:
    outcome = refused(item(**{name: value}))
    assert (outcome.reason, outcome.field) == (reason, name)
    assert outcome.source == ("unknown" if name == "source" else "gateway")
    assert outcome.id == (None if name in ("id", "source") else "e1")


def test_names_at_their_limit_are_good() -> None:
    assert accepted(item(id="!" * 128, source="~" * 256, subject="s" * 256)).id == "!" * 128
    for name, length_max in (("id", 128), ("type", 128), ("source", 256), ("subject", 256)):
        refused(item(**{name: "x" * (length_max + 1)}))


def test_an_event_without_a_source_takes_that_of_its_file() -> None:
    assert accepted(item(source=...), default_source="file").source == "file"
    assert accepted(item(), default_source="file").source == "gateway"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (..., Reason.TIME_MISSING),
        (None, Reason.TIME_MISSING),
        ("", Reason.TIME_MALFORMED),
        (1768476600, Reason.TIME_MALFORMED),
        ("1768476600", Reason.TIME_MALFORMED),
        ("2026-01-15", Reason.TIME_MALFORMED),
        ("2026-01-15 11:30:00Z", Reason.TIME_MALFORMED),
        ("2026-01-15T11:30Z", Reason.TIME_MALFORMED),
        ("2026-01-15T11:30:00+0100", Reason.TIME_MALFORMED),
        ("٢٠٢٦-01-15T11:30:00Z", Reason.TIME_MALFORMED),
        ("2026-01-15T11:30:00Z ", Reason.TIME_MALFORMED),
        ("2026-01-15T11:30:00", Reason.TIME_NAIVE),
        ("2026-01-15T11:30:00.123", Reason.TIME_NAIVE),
        ("2026-02-30T11:30:00Z", Reason.TIME_IMPOSSIBLE),
        ("2025-02-29T11:30:00Z", Reason.TIME_IMPOSSIBLE),
        ("2026-13-01T11:30:00Z", Reason.TIME_IMPOSSIBLE),
        ("2026-01-15T24:00:00Z", Reason.TIME_IMPOSSIBLE),
        ("2025-12-31T23:59:60Z", Reason.TIME_IMPOSSIBLE),
        ("2026-01-15T11:30:00+24:00", Reason.TIME_IMPOSSIBLE),
        ("0000-01-01T00:00:00Z", Reason.TIME_IMPOSSIBLE),
        ("0001-01-01T00:00:00+01:00", Reason.TIME_IMPOSSIBLE),
        ("9999-12-31T23:59:59-01:00", Reason.TIME_IMPOSSIBLE),
        ("2026-01-15T12:05:00.000001Z", Reason.TIME_FUTURE),
        ("9999-12-31T23:59:59Z", Reason.TIME_FUTURE),
        ("2025-10-17T11:59:59.999999Z", Reason.TIME_TOO_OLD),
        ("2024-12-31T23:59:59Z", Reason.UNKNOWN_TYPE),
    ],
)
def test_a_time_that_is_not_one_possible_instant_within_reach(value: object, reason: Reason) -> None:
    assert reason_of(item(time=value)) is reason


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-15T12:05:00Z", "2026-01-15T12:05:00Z"),
        ("2025-10-17T12:00:00Z", "2025-10-17T12:00:00Z"),
        ("2026-01-15T11:30:00.1234567Z", "2026-01-15T11:30:00.123456Z"),
        ("2026-01-15T11:30:00.9999999Z", "2026-01-15T11:30:00.999999Z"),
        ("2026-01-15t11:30:00z", "2026-01-15T11:30:00Z"),
        ("2026-01-15T11:30:00-00:00", "2026-01-15T11:30:00Z"),
        ("2026-01-15T23:30:00+14:00", "2026-01-15T09:30:00Z"),
    ],
)
def test_a_time_at_the_edge_is_good_and_finer_digits_are_floored(text: str, instant: str) -> None:
    assert accepted(item(time=text)).time == parse_instant(instant)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"type": "api.cal"}, Reason.UNKNOWN_TYPE, "type"),
        ({"type": "API.CALL"}, Reason.UNKNOWN_TYPE, "type"),
        ({"specversion": "0.3"}, Reason.SPECVERSION, "specversion"),
        ({"specversion": 1.0}, Reason.SPECVERSION, "specversion"),
        ({"datacontenttype": "text/xml"}, Reason.CONTENT_TYPE, "datacontenttype"),
        ({"datacontenttype": 7}, Reason.CONTENT_TYPE, "datacontenttype"),
        ({"data": ..., "data_base64": "e30="}, Reason.CONTENT_TYPE, "data_base64"),
        ({"data": {}}, Reason.FIELD_MISSING, "data.tokens"),
        ({"data": ...}, Reason.FIELD_MISSING, "data.tokens"),
        ({"data": None}, Reason.FIELD_MISSING, "data.tokens"),
        ({"data": []}, Reason.FIELD_TYPE, "data"),
        ({"data": "{}"}, Reason.FIELD_TYPE, "data"),
        ({"data": {"Tokens": 1}}, Reason.FIELD_MISSING, "data.tokens"),
    ],
)
def test_an_envelope_or_body_that_breaks_its_promise(
    changes: dict[str, object], reason: Reason, field: str
) -> None:
    outcome = refused(item(**changes))
    assert (outcome.reason, outcome.field) == (reason, field)


@pytest.mark.parametrize(
    "value", [..., None, "application/json", "application/json; charset=utf-8", "x/y+json"]
)
def test_json_is_json_by_any_of_its_names(value: object) -> None:
    assert accepted(item(datacontenttype=value, specversion=...)).fields == {"tokens": 12}


def test_what_is_said_about_a_hostile_item_is_short_and_printable() -> None:
    for raw in (
        item(id="\U0001f600" * 10_000),
        with_data('{"tokens": "%s"}' % ("é" * 100_000)),
        b"\xff" * 1_000,
    ):
        outcome = refused(raw)
        assert len(outcome.detail) <= DETAIL_LENGTH_MAX and outcome.detail.isascii()
    deep = refused(with_data('{"tokens": 1, "%s": "\\u0000"}' % ("k" * 100_000)))
    assert deep.field is not None and len(deep.field) <= DETAIL_LENGTH_MAX


JSON_SOUP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    ["specversion", "id", "source", "type", "subject", "time", "data", "datacontenttype", "x"]
)


@EXAMPLES
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@example(b'{"id":"\\ud800"}')
@example(b"\x00")
@example(b'{"time": "9999-12-31T23:59:59.999999999999999999999999999999Z"}')
def test_any_bytes_are_an_event_or_a_rejection(raw: bytes) -> None:
    assert isinstance(decode_item(raw, BOOK, received_at=NOW, default_source="f"), Event | Rejected)


@EXAMPLES
@given(
    st.dictionaries(MEMBERS, JSON_SOUP, max_size=3),
    st.dictionaries(st.text(max_size=5), JSON_SOUP, max_size=3),
)
def test_any_members_in_an_event_are_an_event_or_a_rejection(
    members: dict[str, object], data: dict[str, object]
) -> None:
    raw = item(**{"data": {"tokens": 1, **data}, **members})
    outcome = decoded(raw)
    assert isinstance(outcome, Event | Rejected)
    assert outcome == decoded(raw), "the same bytes are decided the same way"


@EXAMPLES
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_flipped_byte_of_an_event_is_an_event_or_a_rejection(at: int, flip: int) -> None:
    raw = bytearray(GOOD)
    raw[at] ^= flip
    assert isinstance(decoded(bytes(raw)), Event | Rejected)


@EXAMPLES
@given(st.permutations(list(json.loads(GOOD).items())))
def test_the_order_of_members_means_nothing(members: list[tuple[str, object]]) -> None:
    assert decoded(json.dumps(dict(members)).encode()) == decoded(GOOD)
