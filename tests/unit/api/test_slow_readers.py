"""Readers that do not read what they asked for: a connection holds a bounded piece of its answer, for a
bounded time, and others are answered meanwhile."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from tieout.api import protocol
from tieout.api.protocol import BoundedProtocol

UNREAD_SECONDS = 0.5
PIECE = b"x" * 65_536
WHOLE = 12 * 1_048_576
KERNEL_BYTES_MAX = 24 * 1_048_576
"""What the sockets of both ends may hold beside."""


@dataclass
class Sending:
    """Sends pieces without end, or all of an answer at once; notes what it sent and how many it sends to."""

    port: int = 0
    pieces: int = 0
    under_way: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.under_way += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/endless":
                await self._endless(receive, send)
            body = b"x" * WHOLE if scope["path"] == "/whole" else b"ok"
            await send({"type": "http.response.body", "body": body})
        finally:
            self.under_way -= 1

    async def _endless(self, receive: Any, send: Any) -> None:
        await receive()  # the request itself
        gone = asyncio.create_task(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.pieces += 1
            await asyncio.sleep(0)


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sending]:
    monkeypatch.setattr(protocol, "UNREAD_SECONDS_MAX", UNREAD_SECONDS)
    app = Sending()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app.port = listening.getsockname()[1]
        config = uvicorn.Config(
            app, http=BoundedProtocol, loop="uvloop", lifespan="off", log_config=None, ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield app
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "nobody who does not read keeps a server from its end"


def asked(sending: Sending, path: str, *, closing: bool = False) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", sending.port))
    more = "Connection: close\r\n" if closing else ""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
    return connection


def ends(sending: Sending, *, within: float = 10) -> float:
    """Seconds until nothing is sent to anybody any more."""
    begun = time.monotonic()
    while sending.under_way:
        assert time.monotonic() - begun < within, "an answer that nobody reads does not end"
        time.sleep(0.02)
    return time.monotonic() - begun


def is_cut_off(connection: socket.socket) -> bool:
    """Reads what had been sent; True where the answer breaks off."""
    last = b""
    try:
        while piece := connection.recv(1 << 20):
            last = piece
    except ConnectionResetError:
        return True
    return not last.endswith(b"0\r\n\r\n")


def test_who_reads_nothing_of_a_stream_is_cut_off(sending: Sending) -> None:
    with asked(sending, "/endless") as connection:
        time.sleep(UNREAD_SECONDS / 2)
        assert sending.under_way == 1
        with asked(sending, "/", closing=True) as other:
            assert other.recv(65_536).startswith(b"HTTP/1.1 200"), "others are answered meanwhile"
        ends(sending)
        assert sending.pieces * len(PIECE) < KERNEL_BYTES_MAX, "what is not read is not made"
        assert is_cut_off(connection)


def test_who_reads_a_byte_at_a_time_is_cut_off(sending: Sending) -> None:
    with asked(sending, "/endless") as connection:
        begun, read = time.monotonic(), 0
        while sending.under_way or not read:
            assert time.monotonic() - begun < 10
            read += len(connection.recv(1))
            time.sleep(0.05)
        assert read < 200


@pytest.mark.parametrize("closing", [False, True])
def test_an_answer_that_is_whole_and_unread_ends_too(sending: Sending, closing: bool) -> None:
    """Also where the server has done with the connection, and only what is left of it waits."""
    with asked(sending, "/whole", closing=closing) as connection:
        time.sleep(4 * UNREAD_SECONDS)
        assert is_cut_off(connection)


def test_who_reads_slowly_gets_everything(sending: Sending) -> None:
    """Longer than the limit in all, never so long without reading."""
    with asked(sending, "/whole", closing=True) as connection:
        begun, read = time.monotonic(), 0
        while piece := connection.recv(1 << 20):
            read += len(piece)
            if time.monotonic() - begun < 4 * UNREAD_SECONDS:
                time.sleep(0.02)
        assert read > WHOLE and time.monotonic() - begun > 2 * UNREAD_SECONDS
