"""JSON, strictly: what other readers let pass is refused here by name."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.sample import EXAMPLES
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.ingest.strict_json import read_json
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.limits import ITEM_BYTES_MAX, NESTING_MAX

CLEAN = st.characters(codec="utf-8", exclude_categories=["C"]).filter(str.isprintable).filter(str.isascii)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17).map(lambda n: JsonNumber(str(n)))
    | st.text(CLEAN),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(CLEAN), inner, max_size=4),
    max_leaves=12,
)


def reason_of(raw: bytes) -> Reason:
    with pytest.raises(Flaw) as caught:
        read_json(raw)
    return caught.value.reason


@EXAMPLES
@given(VALUES)
def test_what_canonical_json_writes_reads_back_the_same(value: object) -> None:
    assert read_json(canonical_json(value).encode()) == value  # type: ignore[arg-type]


def test_numbers_keep_their_text() -> None:
    text = "0.1000000000000000055511151231257827021181583404541015625"
    assert read_json(f"[{text}, 1e999999999, {'9' * 5_000}]".encode()) == [
        JsonNumber(text),
        JsonNumber("1e999999999"),
        JsonNumber("9" * 5_000),
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"   ", Reason.NOT_JSON),
        (b"hello", Reason.NOT_JSON),
        (b"{} {}", Reason.NOT_JSON),
        (b"{'a': 1}", Reason.NOT_JSON),
        (b'{"a": 01}', Reason.NOT_JSON),
        (b'{"a": +1}', Reason.NOT_JSON),
        (b'{"a": .5}', Reason.NOT_JSON),
        (b'{"a": 1_000}', Reason.NOT_JSON),
        ('{"a": ١٢}'.encode(), Reason.NOT_JSON),
        (b'{"a": 1,}', Reason.NOT_JSON),
        (b'{"a": "\t"}', Reason.NOT_JSON),
        (b'{"a": "\\x41"}', Reason.NOT_JSON),
        (b"\x0b{}", Reason.NOT_JSON),
        (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b'{"a": 1', Reason.TRUNCATED),
        (b'{"a": "bc', Reason.TRUNCATED),
        (b'{"a": "bc\\', Reason.TRUNCATED),
        (b'{"a": "bc\\"', Reason.TRUNCATED),
        (b'{"a": [1, 2]', Reason.TRUNCATED),
        (b'{"a"', Reason.TRUNCATED),
        (b"\xff\xfe{}", Reason.NOT_UTF8),
        (b'{"a": "\xed\xa0\x80"}', Reason.NOT_UTF8),
        (b'{"a": "\xc0\x80"}', Reason.NOT_UTF8),
        (b'{"a": 1, "a": 1}', Reason.DUPLICATE_KEY),
        (b'{"a": 1, "\\u0061": 2}', Reason.DUPLICATE_KEY),
        (b'{"x": [{"b": {"a": 1, "a": 2}}]}', Reason.DUPLICATE_KEY),
        (b'{"a": NaN}', Reason.NUMBER_MALFORMED),
        (b'{"a": -Infinity}', Reason.NUMBER_MALFORMED),
        (b'"' + b"x" * ITEM_BYTES_MAX + b'"', Reason.TOO_LARGE),
    ],
)
def test_what_is_not_one_json_text_is_refused_by_name(raw: bytes, reason: Reason) -> None:
    assert reason_of(raw) is reason


@pytest.mark.parametrize(
    "text",
    [
        "\\u0000",
        "\\n",
        "\\t",
        "\\u007f",
        "\\u0085",
        "\\ud800",
        "\\udc00\\ud800",
        "\\u202e",
        "\u2066",
        "\u200f",
        "e\u0301",
    ],
)
@pytest.mark.parametrize("place", ['{"k": "%s"}', '{"%s": 1}', '[["%s"]]', '{"k": {"%s": 1}}'])
def test_a_text_that_lies_or_breaks_stores_is_refused_wherever_it_stands(text: str, place: str) -> None:
    assert reason_of((place % text).encode()) is Reason.TEXT_FORBIDDEN_CHARACTER


def test_honest_text_of_any_script_is_kept() -> None:
    text = "Grüße, 東京, שלום, 🙂, \u00e9, \\u00e9, \\ud83d\\ude42"
    assert read_json(f'"{text}"'.encode()) == "Grüße, 東京, שלום, 🙂, é, é, 🙂"


def test_nesting_stops_at_the_limit() -> None:
    assert read_json(b"[" * NESTING_MAX + b"]" * NESTING_MAX)
    for depth in (NESTING_MAX + 1, 1_000, 500_000):
        assert reason_of(b"[" * depth + b"]" * depth) is Reason.NESTING_TOO_DEEP
        assert reason_of(b'{"a":' * depth) in (Reason.NESTING_TOO_DEEP, Reason.TOO_LARGE)


def test_brackets_inside_texts_do_not_nest() -> None:
    assert read_json(b'["' + b"[{" * 100 + b'\\"[[["]') == ["[{" * 100 + '"[[[']


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b'\\"' * 500_000,
        b'"' * 1_000_000,
        b'{"' + b"a" * 1_000_000,
        b"[" + b"1," * 500_000,
        b'["' + "\u0301".encode() * 500_000,
        b'["a' + "\u0301\u0316".encode() * 250_000 + b'"]',
        b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b',"79999":1}',
        b"[" + b"9" * 1_000_000 + b"]",
    ],
)
def test_a_hostile_megabyte_takes_linear_time(raw: bytes) -> None:
    started = time.perf_counter()
    with suppress(Flaw):
        read_json(raw)
    assert time.perf_counter() - started < 10, "linear work on a megabyte takes well under a second"


@EXAMPLES
@given(
    st.binary(max_size=60) | st.text('{}[]",:\\0123456789.eE-+ntfrualse \u202e', max_size=60).map(str.encode)
)
def test_any_bytes_are_a_value_or_a_flaw(raw: bytes) -> None:
    try:
        read_json(raw)
    except Flaw as flaw:
        assert flaw.reason is not Reason.NONE
