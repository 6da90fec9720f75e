"""Writes canonical_v1.json: the canonical form, told a second time in as few words as possible.

It shares no code with the package, so that a mistake has to be made twice to go unseen. Run it as
`python tests/golden/make_canonical_v1.py`; the stored file must not change.
"""

import hashlib
import json
from pathlib import Path

SECRET = bytes(range(32))

DAY = 86_400_000_000
NEW_YEAR = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z

# name, source, id, type, subject, time in microseconds, fields as (kind, written text), extras as JSON
CASES = [
    ("no fields", "gw", "1", "api.request", "acme", NEW_YEAR, {}, ""),
    ("an integer", "gw", "1", "llm.tokens", "acme", NEW_YEAR, {"tokens": ("integer", "12")}, ""),
    ("as a decimal", "gw", "1", "llm.tokens", "acme", NEW_YEAR, {"tokens": ("decimal", "12.000")}, ""),
    ("minus zero", "gw", "1", "llm.tokens", "acme", NEW_YEAR, {"tokens": ("decimal", "-0.0")}, ""),
    ("all digits", "gw", "1", "t", "s", 0, {"x": ("decimal", "-999999999999999999.999999999999")}, ""),
    ("one atom", "gw", "1", "t", "s", 0, {"x": ("decimal", "0.000000000001")}, ""),
    ("leading zeros", "gw", "1", "t", "s", 0, {"x": ("decimal", "007.50")}, ""),
    ("text that looks like a number", "gw", "1", "t", "s", 0, {"x": ("string", "1.50")}, ""),
    ("empty text", "gw", "1", "t", "s", 0, {"x": ("string", "")}, ""),
    ("text with separators", "gw", "1", "t", "s", 0, {"x": ("string", "3:a,2:b,\n\t")}, ""),
    ("text beyond ASCII", "gw", "1", "t", "Zoë", 0, {"x": ("string", "ﬁ 東京 \U0001f4b6")}, ""),
    ("composed and decomposed differ", "gw", "1", "t", "Zoe\u0308", 0, {}, ""),
    ("an enum value", "gw", "1", "t", "s", 0, {"x": ("enum", "gpt-5")}, ""),
    ("booleans", "gw", "1", "t", "s", 0, {"a": ("boolean", "true"), "b": ("boolean", "false")}, ""),
    ("a timestamp", "gw", "1", "t", "s", 0, {"x": ("timestamp", str(NEW_YEAR + 1))}, ""),
    ("before 1970", "gw", "1", "t", "s", -1, {"x": ("timestamp", str(-DAY))}, ""),
    (
        "fields in sorted order",
        "gw",
        "1",
        "t",
        "s",
        0,
        {"b_2": ("integer", "2"), "a": ("string", "x"), "b_10": ("integer", "3"), "b": ("boolean", "true")},
        "",
    ),
    ("extras", "gw", "1", "t", "s", 0, {}, '{"z": [1, 2.50, null, true], "a": {"c": "d", "b": ""}}'),
    ("extras beyond the grammar", "gw", "1", "t", "s", 0, {}, '[1e5, 1234567890123456789, 0.1234567890123]'),
    ("extras with signs and zeros", "gw", "1", "t", "s", 0, {}, '{"a": -0, "b": -0.0, "c": 10.0, "d": 100}'),
    ("extras with escapes", "gw", "1", "t", "s", 0, {}, '{"\\u00e9\\"": "\\u0001\\/\\\\\\n\\u007f\\u2028"}'),
    ("extras by code point", "gw", "1", "t", "s", 0, {}, '{"\\ud83d\\ude00": 1, "\\uffff": 2, "B": 3}'),
    ("source and id are apart", "a-b", "c", "t", "s", 0, {}, ""),
    ("source and id are apart, the other way", "a", "b-c", "t", "s", 0, {}, ""),
]  # fmt: skip


class Number(str):
    """A JSON number as it was written."""


def token(text: str) -> bytes:
    content = text.encode()
    return str(len(content)).encode() + b":" + content + b","


def plain(text: str) -> str:
    """1.50 as 1.5, 007 as 7, -0.0 as 0; as written where it exceeds 18 + 12 digits or has an exponent."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isdigit() or len(whole) > 18 or len(fraction) > 12:
        return text
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if whole == "0" and not fraction:
        return "0"
    return sign + whole + ("." + fraction if fraction else "")


def canonical_json(value: object) -> str:
    if isinstance(value, Number):
        return plain(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(canonical_json(key) + ":" + canonical_json(value[key]) for key in sorted(value))
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(canonical_json(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def tagged(kind: str, text: str) -> str:
    if kind in {"integer", "decimal"}:
        return "n" + plain(text)
    return {"string": "s", "enum": "s", "boolean": "b", "timestamp": "t"}[kind] + text


def vector(case):
    name, source, id, type, subject, time, fields, extras = case
    form = token("tieout/1") + token(type) + token(subject) + token(str(time))
    for field in sorted(fields):
        form += token(field) + token(tagged(*fields[field]))
    if extras:
        form += token(canonical_json(json.loads(extras, parse_int=Number, parse_float=Number)))
    else:
        form += token("")
    key = hashlib.blake2b(token(source) + token(id), key=SECRET, digest_size=16).digest()
    digest = hashlib.sha256(key + form).digest()
    return {
        "name": name,
        "source": source,
        "id": id,
        "type": type,
        "subject": subject,
        "time_us": time,
        "fields": {field: list(fields[field]) for field in fields},
        "extras": extras,
        "canonical": form.decode(),
        "identity_key": key.hex(),
        "content_digest": digest.hex(),
        "fingerprint": f"1:{digest[7::-1].hex()}:{digest[15:7:-1].hex()}",
    }


def text() -> str:
    return json.dumps({"secret": SECRET.hex(), "vectors": [vector(case) for case in CASES]}, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("canonical_v1.json").write_text(text(), encoding="ascii")
