"""HTTP/1.1 by httptools, with the two bounds that it leaves open: how long the headers of a request may be,
and how long they may take.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tieout.api.answers import HttpAnswer, Problem
from tieout.api.limits import HEADER_BYTES_MAX, HEADER_SECONDS_MAX


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    _is_in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_in_body:
            self._head_bytes += len(data)
            if self._deadline is None:
                self._await_headers()
        super().data_received(data)
        if not self._is_in_body and self._head_bytes > HEADER_BYTES_MAX and not self.transport.is_closing():
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
        if not self._is_in_body and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_with(self, answer: HttpAnswer) -> None:
        lines = [f"HTTP/1.1 {answer.status} Refused".encode(), b"content-type: " + answer.content_type]
        lines += [f"content-length: {len(answer.body)}".encode(), b"connection: close", b"", answer.body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
