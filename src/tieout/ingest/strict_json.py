"""JSON as RFC 8259 says and a little stricter, so that one text has one meaning for every reader.

Numbers keep their text (no float, no exponent is ever computed), duplicate keys are refused at every level,
nesting and size are bounded before the parser runs, and texts, keys included, hold no control characters,
bidirectional controls or lone surrogates: those lie to a person who reads them, or break a store that holds
them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import NoReturn, cast

from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.errors import shown
from tieout.kernel.limits import ITEM_BYTES_MAX, NESTING_MAX

# A string runs to its closing quote (group 1), or, not closed, to the end. Possessive, hence linear.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[\[{\]}]', re.DOTALL)
BYTE_ORDER_MARK = "\ufeff"
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0, DEL and C1; bidirectional controls; surrogates, which only an escape such as \\ud800 can bring."""


def read_json(raw: bytes) -> JsonValue:
    """The value written in `raw`. Raises `Flaw` naming the first thing wrong."""
    if len(raw) > ITEM_BYTES_MAX:
        raise Flaw(Reason.TOO_LARGE, None, f"more than {ITEM_BYTES_MAX} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Flaw(Reason.NOT_UTF8, None, f"byte {error.start}") from None
    if text.startswith(BYTE_ORDER_MARK):
        raise Flaw(Reason.NOT_JSON, None, "starts with a byte order mark")
    is_open = check_nesting(text)
    try:
        value = cast(JsonValue, DECODER.decode(text))
    except json.JSONDecodeError as error:
        if is_open:
            raise Flaw(Reason.TRUNCATED, None, "ends inside an object, array or string") from None
        raise Flaw(Reason.NOT_JSON, None, f"{error.msg} at character {error.pos}") from None
    check_texts(value, None)
    return value


def check_nesting(text: str) -> bool:
    """Whether something is still open at the end. Raises `Flaw` for brackets deeper than NESTING_MAX."""
    depth = 0
    for match in TOKEN.finditer(text):
        token = match.group()
        if token in ("{", "["):
            depth += 1
            if depth > NESTING_MAX:
                raise Flaw(Reason.NESTING_TOO_DEEP, None, f"deeper than {NESTING_MAX} levels")
        elif token in ("}", "]"):
            depth -= 1
        elif not match[1]:
            return True
    return depth > 0


def check_texts(value: JsonValue, field: str | None) -> None:
    """Refuses a forbidden character in any key or text; `field` is the path of `value`."""
    if isinstance(value, str):
        check_text(value, field)
    elif isinstance(value, dict):
        for key, member in value.items():
            check_text(key, field)
            check_texts(member, key if field is None else f"{field}.{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            check_texts(member, f"{field or ''}[{index}]")


def check_text(text: str, field: str | None) -> None:
    """No C0, C1 and bidirectional controls, no lone surrogates, and Unicode normal form C."""
    if text.isascii() and text.isprintable():
        return
    match = FORBIDDEN.search(text)
    if match:
        detail = f"U+{ord(match.group()):04X} at character {match.start()}"
        raise Flaw(Reason.TEXT_FORBIDDEN_CHARACTER, field, detail)
    if not unicodedata.is_normalized("NFC", text):
        raise Flaw(Reason.TEXT_FORBIDDEN_CHARACTER, field, "not in Unicode normal form C")


def object_of(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """The members of one object. Keys are compared after their escapes are read."""
    members: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in members:
            raise Flaw(Reason.DUPLICATE_KEY, None, f"key {shown(name)}")
        members[name] = value
    return members


def refuse_constant(name: str) -> NoReturn:
    raise Flaw(Reason.NUMBER_MALFORMED, None, f"{name} is not a number in JSON")


DECODER = json.JSONDecoder(
    object_pairs_hook=object_of,
    parse_float=JsonNumber,
    parse_int=JsonNumber,
    parse_constant=refuse_constant,
    strict=True,
)
