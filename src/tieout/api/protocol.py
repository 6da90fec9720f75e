"""HTTP/1.1 by httptools, with the three bounds that it leaves open (how long the headers of a request may
be, how long they may take, and how long an answer waits for a client that reads nothing), and with answers
that are written in one piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sys
import termios
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tieout.api.answers import HttpAnswer, Problem
from tieout.api.limits import HEADER_BYTES_MAX, HEADER_SECONDS_MAX, READ_BYTES_MIN, UNREAD_SECONDS_MAX


class OnePiece:
    """A transport that writes once what is given to it in one turn of the loop: an answer's head and body.

    Two writes are two system calls, and may cost a client 40 ms of delayed acknowledgements.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, leaves: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._leaves = leaves
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        """What is written is still sent, as long as it is read: `leaves` is told where some of it waits."""
        self._flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._leaves()

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
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(OnePiece(transport, self.loop, self._watch_unread))  # type: ignore[arg-type]
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        self._forget_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More waits to be read than a connection should hold."""
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._forget_unread()

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

    def _watch_unread(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS_MAX, self._end_unread, self._unread_bytes())

    def _end_unread(self, before: int) -> None:
        """A client that reads, however slowly, is waited for."""
        self._unread = None
        if self._unread_bytes() > before - READ_BYTES_MIN:
            self.transport.abort()
        elif self.transport.get_write_buffer_size():
            self._watch_unread()

    def _unread_bytes(self) -> int:
        """What waits here and in the kernel, which takes more from here only once much of its own is read."""
        waits = self.transport.get_write_buffer_size()
        with contextlib.suppress(OSError, ValueError):  # a connection that is gone holds nothing
            held = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, b"\0" * 4)
            waits += int.from_bytes(held, sys.byteorder)
        return waits

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_with(self, answer: HttpAnswer) -> None:
        self.transport.write(answer.closing())
        self.transport.close()
