"""Canonical form v1: one event, one sequence of bytes, whatever the encoding it came in.

Typed (1.0 = 1, CSV = JSON), length-prefixed (no separator can be forged), in sorted order, and simple enough
to be computed column-wise in SQL. tests/golden/canonical_v1.json binds it; any changed byte is a new version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from tieout.kernel.instant import Instant
from tieout.kernel.quantity import MalformedQuantity, Quantity

CANONICAL_VERSION: Final = "tieout/1"

_WHOLE: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
TRUE: Final = "btrue"
FALSE: Final = "bfalse"

_json_string: Final = json.JSONEncoder(ensure_ascii=False).encode
"""Made once: `json.dumps` makes an encoder for every string that is not to be escaped."""


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number token of a JSON text, digit for digit as written."""

    text: str


JsonValue: TypeAlias = "bool | JsonNumber | str | list[JsonValue] | dict[str, JsonValue] | None"


def token(content: bytes) -> bytes:
    """A netstring: decimal length, colon, content, comma."""
    return b"%d:%b," % (len(content), content)


def canonical_event(type: str, subject: str, time: Instant, fields: Mapping[str, str], extras: str) -> bytes:
    """The bytes of an event's content; its identity (source, id) is keyed in by the digest instead.

    `time` in UTC microseconds. `fields`: name to tagged text (below); absent and null fields are left out.
    `extras`: "" or the canonical JSON object of the undeclared data members.
    """
    parts = [CANONICAL_VERSION, type, subject, str(time)]
    for name in sorted(fields):
        parts += (name, fields[name])
    parts.append(extras)
    return b"".join([token(part.encode()) for part in parts])


def tag_text(text: str) -> str:
    """Strings and enum values."""
    return "s" + text


def tag_number(number: Quantity | int) -> str:
    """Integers and decimals alike: 1.0 and 1 are both `n1`."""
    return f"n{number}"


def tag_boolean(truth: bool) -> str:
    return TRUE if truth else FALSE


def tag_time(instant: Instant) -> str:
    """UTC microseconds."""
    return f"t{instant}"


def canonical_json(value: JsonValue) -> str:
    """JSON with keys in code point order, no spaces and no needless escapes.

    A number of the quantity grammar is written plainly (1.50 as 1.5); any other stays as it was written.
    """
    try:
        return _compiled(value)
    except _FractionMet:
        return canonical_json_by_definition(value)


def canonical_json_by_definition(value: JsonValue) -> str:
    """What `canonical_json` means; it is ten times as fast where all numbers are whole."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case JsonNumber(text):
            return _canonical_number(text)
        case str():
            return _json_string(value)
        case list():
            return "[" + ",".join([canonical_json_by_definition(item) for item in value]) + "]"
        case dict():
            members = [
                f"{_json_string(key)}:{canonical_json_by_definition(value[key])}" for key in sorted(value)
            ]
            return "{" + ",".join(members) + "}"


class _FractionMet(Exception):
    """The compiled encoder writes no number but whole ones."""


def _whole_number(value: object) -> int:
    assert isinstance(value, JsonNumber), f"{type(value).__name__} has no canonical form"
    whole = _whole(value.text)
    if whole is None:
        raise _FractionMet
    return whole


@lru_cache(4_096)
def _whole(written: str) -> int | None:
    text = _canonical_number(written)
    return None if _WHOLE.match(text) is None else int(text)


def _compiled_once() -> Callable[[JsonValue], str]:
    """What the encoder below writes. It makes its compiled part anew for every value, which takes longer than
    most values; a Python without that part has the slow one."""
    encoder = json.JSONEncoder(
        ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False, default=_whole_number
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    encode = make(None, _whole_number, json.encoder.encode_basestring, None, ":", ",", True, False, True)
    return lambda value: "".join(encode(value, 0))


_compiled: Final = _compiled_once()


@lru_cache(4_096)
def _canonical_number(text: str) -> str:
    try:
        return str(Quantity.parse(text))
    except MalformedQuantity:
        return text
