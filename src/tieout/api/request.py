"""What a request says its body is: one event, an array, lines, or an event in headers; and its retry key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from tieout.api.answers import Headers, Problem
from tieout.ingest.binary_mode import parcel_of_headers
from tieout.ingest.framing import BLANK, BYTE_ORDER_MARK, NotAnArray
from tieout.ingest.parcel import (
    NoItems,
    Parcel,
    TooManyItems,
    parcel_of_array,
    parcel_of_item,
    parcel_of_lines,
)
from tieout.kernel.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from tieout.ports import Idempotency

ONE, ARRAY, LINES, HEADERS = b"one", b"array", b"lines", b"headers"
MEDIA_TYPES = {
    b"application/cloudevents+json": ONE,
    b"application/cloudevents-batch+json": ARRAY,
    b"application/x-ndjson": LINES,
    b"application/ndjson": LINES,
    b"application/jsonl": LINES,
}
JSON_TYPES = (b"application/json", b"text/json")
ATTRIBUTE = b"ce-"
KNOWN = (
    "application/json, application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson"
)
_KEY = re.compile(rb"[!-~]{1,%d}\Z" % IDEMPOTENCY_KEY_LENGTH_MAX)


def form_of(headers: Sequence[tuple[bytes, bytes]], named: dict[bytes, bytes]) -> bytes:
    """ONE, ARRAY, LINES, HEADERS, or empty for `application/json`, whose first byte decides. Raises a
    `Problem` 415.
    """
    media, _, parameters = named.get(b"content-type", b"").partition(b";")
    media = media.strip().lower()
    charset = re.search(rb"charset\s*=\s*\"?([^\";\s]*)", parameters.lower())
    if charset and charset[1] not in (b"utf-8", b"utf8", b"us-ascii"):
        raise Problem(415, "unknown-charset", "A body is UTF-8.")
    if media in MEDIA_TYPES:
        return MEDIA_TYPES[media]
    if media in JSON_TYPES:
        return HEADERS if any(name.startswith(ATTRIBUTE) for name, _ in headers) else b""
    raise Problem(415, "unknown-content-type", f"Content-Type is one of {KNOWN}.", {"Accept": KNOWN})


def parcel_of(form: bytes, headers: Headers, body: bytes) -> Parcel:
    """The items of the body. Raises a `Problem`: 400 where none can be told apart, 413 for too many."""
    try:
        if form == HEADERS:
            return parcel_of_headers(attributes_of(headers), body)
        if form == LINES:
            return parcel_of_lines(body)
        if form == ARRAY or (not form and body.removeprefix(BYTE_ORDER_MARK).lstrip(BLANK)[:1] == b"["):
            return parcel_of_array(body)
        return parcel_of_item(body)
    except TooManyItems as error:
        raise Problem(413, error.code, str(error)) from None
    except NoItems as error:
        raise Problem(400, error.code, str(error)) from None
    except NotAnArray as error:
        raise Problem(400, error.code, "The body is not a JSON array.") from None


def attributes_of(headers: Headers) -> Headers:
    return [(name[len(ATTRIBUTE) :], value) for name, value in headers if name.startswith(ATTRIBUTE)]


def idempotency_of(form: bytes, headers: Headers, body: bytes) -> Idempotency | None:
    """The key of the request and the digest of what it says, packed or not. Raises a `Problem` 400."""
    given = [value for name, value in headers if name == b"idempotency-key"]
    if not given:
        return None
    if len(given) > 1 or not _KEY.match(given[0]):
        detail = f"An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters, once."
        raise Problem(400, "malformed-idempotency-key", detail)
    said = sha256(form + b"\0")
    if form == HEADERS:
        for name, value in sorted(attributes_of(headers)):
            said.update(b"%d:%b%d:%b" % (len(name), name, len(value), value))
        said.update(b"\0")
    said.update(body)
    return Idempotency(given[0].decode("ascii"), said.digest())
