"""HTTP/1.1 by httptools, with the two bounds that it leaves open (how long the headers of a request may be,
and how long they may take), and with answers that are written in one piece.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tieout.api.answers import HttpAnswer, Problem
from tieout.api.limits import HEADER_BYTES_MAX, HEADER_SECONDS_MAX


class OnePiece:
    """A transport that writes once what is given to it in one turn of the loop: an answer's head and body.

    Two writes are two system calls, and may cost a client 40 ms of delayed acknowledgements.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            whole, self._pieces = b"".join(self._pieces), []
            self._transport.write(whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    _is_in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(OnePiece(transport, self.loop))  # type: ignore[arg-type]
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_body or not self._head_bytes or self.transport.is_closing():
            return
        if self._deadline is None:
            self._await_headers()
        if self._head_bytes > HEADER_BYTES_MAX:
            detail = f"Request line and headers have at most {HEADER_BYTES_MAX} bytes."
            self._close_with(Problem(431, "headers-too-large", detail).answer())

    def on_headers_complete(self) -> None:
        self._is_in_body = True
        self._head_bytes = 0
        self._forget_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed is a problem like any other."""
        self._close_with(Problem(400, "malformed-request", msg).answer())

    def _await_headers(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS_MAX, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_with(self, answer: HttpAnswer) -> None:
        self.transport.write(answer.closing())
        self.transport.close()
