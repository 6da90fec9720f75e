"""The canonical form against golden vectors that a script without this package has made."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.canonical import (
    JsonNumber,
    JsonValue,
    canonical_event,
    canonical_json,
    canonical_json_by_definition,
    tag_boolean,
    tag_number,
    tag_text,
    tag_time,
    token,
)
from tieout.kernel.digest import Fingerprint, content_digest, identity_key
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity

GOLDEN = Path(__file__).parents[2] / "golden"
STORED = json.loads((GOLDEN / "canonical_v1.json").read_text(encoding="ascii"))
TAGS = {
    "string": tag_text,
    "enum": tag_text,
    "integer": lambda text: tag_number(Quantity.parse_integer(text)),
    "decimal": lambda text: tag_number(Quantity.parse(text)),
    "boolean": lambda text: tag_boolean(text == "true"),
    "timestamp": lambda text: tag_time(Instant(int(text))),
}


def read_json(text: str) -> JsonValue:
    value: JsonValue = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber)
    return value


@pytest.mark.parametrize("vector", STORED["vectors"], ids=lambda vector: vector["name"])
def test_form_and_digests_equal_the_golden_vectors(vector: dict[str, Any]) -> None:
    fields = {name: TAGS[kind](text) for name, (kind, text) in vector["fields"].items()}
    extras = canonical_json(read_json(vector["extras"])) if vector["extras"] else ""
    form = canonical_event(vector["type"], vector["subject"], Instant(vector["time_us"]), fields, extras)
    assert form.decode() == vector["canonical"]
    key = identity_key(bytes.fromhex(STORED["secret"]), vector["source"], vector["id"])
    assert key.hex() == vector["identity_key"]
    digest = content_digest(key, form)
    assert digest.hex() == vector["content_digest"]
    assert str(Fingerprint.of(digest)) == vector["fingerprint"]


def test_the_stored_vectors_are_what_the_script_writes() -> None:
    script = runpy.run_path(str(GOLDEN / "make_canonical_v1.py"))
    assert script["text"]() == (GOLDEN / "canonical_v1.json").read_text(encoding="ascii")


def test_equal_numbers_are_equal_and_nothing_else_is() -> None:
    by_name = {vector["name"]: vector["content_digest"] for vector in STORED["vectors"]}
    assert by_name["an integer"] == by_name["as a decimal"]
    assert len(set(by_name.values())) == len(by_name) - 1


def test_integers_and_decimals_share_one_tag() -> None:
    assert tag_number(1) == tag_number(Quantity.parse("1.0")) == "n1"


def test_a_token_counts_bytes() -> None:
    assert token("é".encode()) == b"2:\xc3\xa9,"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("null", "null"),
        ("[true, false]", "[true,false]"),
        ('{"b": 1, "a": {"d": [], "c": {}}}', '{"a":{"c":{},"d":[]},"b":1}'),
        ("[1.0, 1.50, -0, -0.0, 1e5, 1E5, 0.1234567890123]", "[1,1.5,0,0,1e5,1E5,0.1234567890123]"),
        ('"\\u00e9\\u001f"', '"é\\u001f"'),
    ],
)
def test_canonical_json(text: str, canonical: str) -> None:
    assert canonical_json(read_json(text)) == canonical


def test_canonical_json_is_a_fixed_point() -> None:
    for vector in STORED["vectors"]:
        if vector["extras"]:
            once = canonical_json(read_json(vector["extras"]))
            assert canonical_json(read_json(once)) == once


@settings(max_examples=200)
@given(
    st.text(max_size=8),
    st.text(max_size=8),
    st.integers(-(10**15), 10**15),
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,4}", fullmatch=True), st.text(max_size=8).map(tag_text)),
    st.text(max_size=8),
)
def test_no_two_contents_share_their_bytes(
    event_type: str, subject: str, time: int, fields: dict[str, str], extras: str
) -> None:
    """What went in can be read back: no text can pretend to be two, or a field to be the subject."""
    form = canonical_event(event_type, subject, Instant(time), fields, extras)
    version, *envelope = read_tokens(form)
    assert version == "tieout/1"
    assert (envelope[0], envelope[1], int(envelope[2]), envelope[-1]) == (event_type, subject, time, extras)
    assert list(zip(envelope[3:-1:2], envelope[4:-1:2], strict=True)) == sorted(fields.items())


def read_tokens(form: bytes) -> list[str]:
    texts = []
    while form:
        length, _, rest = form.partition(b":")
        texts.append(rest[: int(length)].decode())
        assert rest[int(length) : int(length) + 1] == b","
        form = rest[int(length) + 1 :]
    return texts


NUMBERS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["-0", "1.0", "00", "1e5", "0.10", "9" * 18, "9" * 19, "-" + "9" * 18, "7" * 5_000]),
)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.text(), NUMBERS.map(JsonNumber)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_the_compiled_encoder_writes_what_the_definition_writes(document: JsonValue) -> None:
    assert canonical_json(document) == canonical_json_by_definition(document)
