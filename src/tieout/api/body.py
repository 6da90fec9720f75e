"""Reads the body of a request: bounded in bytes, in what it unpacks to, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from litestar import Request

from tieout.api.answers import Problem
from tieout.api.asgi import Receive
from tieout.api.limits import BODY_BYTES_MAX, BODY_SECONDS_MAX, STATEMENT_BYTES_MAX
from tieout.api.request import JSON_TYPES
from tieout.api.room import Place
from tieout.ingest.framing import MalformedGzip, gunzipped
from tieout.ingest.rejection import Flaw
from tieout.ingest.strict_json import read_json

TOO_LARGE = f"A body has at most {BODY_BYTES_MAX} bytes, packed or unpacked; send it in parts."


async def read_body(receive: Receive, headers: dict[bytes, bytes], place: Place) -> bytes:
    """The body as it was sent. Raises a `Problem`: 413 too large, 408 too slow, 429 no room, 400 cut off."""
    stated = headers.get(b"content-length", b"")
    if stated.isdigit():
        if len(stated) > len(str(BODY_BYTES_MAX)) or int(stated) > BODY_BYTES_MAX:
            raise Problem(413, "body-too-large", TOO_LARGE)
        place.hold(int(stated))
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _read(receive, place)
    except TimeoutError:
        detail = f"The body was not there within {BODY_SECONDS_MAX} seconds; nothing was received."
        raise Problem(408, "body-too-slow", detail, {"Connection": "close"}) from None


async def _read(receive: Receive, place: Place) -> bytes:
    pieces: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem(400, "body-cut-off", "The connection ended before the body did.")
        piece = message["body"]
        total += len(piece)
        if total > BODY_BYTES_MAX:
            raise Problem(413, "body-too-large", TOO_LARGE)
        place.hold(total)
        pieces.append(piece)
        if not message["more_body"]:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def read_statement(request: Request[Any, Any, Any], what: str, *, key_id: str) -> bytes:
    """A short body, never more of it in memory than the limit and one piece. `what` it is called where it is
    refused: 413 too large, 408 too slow."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for piece in request.stream():
                body += piece
                if len(body) > STATEMENT_BYTES_MAX:
                    detail = f"{what} has at most {STATEMENT_BYTES_MAX} bytes."
                    raise Problem(413, "body-too-large", detail, {"Connection": "close"}, key_id=key_id)
    except TimeoutError:
        detail = f"The body was not there in {BODY_SECONDS_MAX} seconds."
        raise Problem(408, "body-too-slow", detail, {"Connection": "close"}, key_id=key_id) from None
    return body


async def read_object(
    request: Request[Any, Any, Any], what: str, *, code: str, key_id: str
) -> dict[str, Any]:
    """The JSON object in a short body; its members have not been looked at yet. Raises a `Problem` as
    `read_statement` does, 415 for another media type, and 400 `code` for anything else than an object."""
    media = dict(request.scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media not in JSON_TYPES:
        raise Problem(415, "unknown-content-type", "Content-Type is application/json.")
    body = await read_statement(request, what, key_id=key_id)
    try:
        value = read_json(body)
    except Flaw as flaw:
        raise Problem(400, code, f"The body cannot be read: {flaw}.") from None
    if not isinstance(value, dict):
        raise Problem(400, code, "The body is not a JSON object.")
    return value


def encoding_of(headers: dict[bytes, bytes]) -> bool:
    """Whether the body is packed by gzip. Raises `Problem` 415 for any other packing."""
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in (b"", b"identity"):
        return False
    if encoding in (b"gzip", b"x-gzip"):
        return True
    raise Problem(415, "unknown-encoding", "Content-Encoding is gzip, or none.", {"Accept-Encoding": "gzip"})


def unpack(body: bytes) -> bytes:
    """What gzip packed, never more than the limit of a body. Raises a `Problem`: 400 damaged, 413 too
    large.
    """
    pieces: list[bytes] = []
    total = 0
    nothing: Iterator[bytes] = iter(())
    try:
        for piece in gunzipped(body, nothing, file="The body"):
            total += len(piece)
            if total > BODY_BYTES_MAX:
                raise Problem(413, "body-too-large", TOO_LARGE)
            pieces.append(piece)
    except MalformedGzip as error:
        raise Problem(400, error.code, str(error)) from None
    return b"".join(pieces)
