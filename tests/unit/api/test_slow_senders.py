"""Senders that never end: a body is answered 408, headers are cut off, and the room is given back."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tieout.api import body, protocol
from tieout.api.answers import Problem
from tieout.api.body import read_body
from tieout.api.protocol import BoundedProtocol
from tieout.api.room import Room

LIMIT_SECONDS = 0.2


def test_a_body_that_does_not_come_is_refused_and_its_room_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS_MAX", LIMIT_SECONDS)
    room = Room()
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        if pieces:
            return pieces.pop()
        await asyncio.sleep(60)

    async def read() -> None:
        with room.place() as place:
            await read_body(receive, {b"content-length": b"1000"}, place)

    with pytest.raises(Problem) as refused:
        asyncio.run(read())
    assert (refused.value.status, refused.value.code) == (408, "body-too-slow")
    assert (room.requests, room.bytes) == (0, 0)


def test_what_finds_no_room_is_told_to_come_again() -> None:
    room = Room(requests_max=2, bytes_max=100)
    with room.place() as first, room.place():
        first.hold(60)
        first.hold(90)
        with pytest.raises(Problem) as refused:
            room.place()
        assert (refused.value.status, refused.value.code) == (429, "too-many-requests")
        with pytest.raises(Problem) as refused:
            first.hold(101)
        assert (refused.value.status, refused.value.code) == (429, "too-many-bytes")
        assert refused.value.headers["Retry-After"]
    assert (room.requests, room.bytes) == (0, 0)
    with room.place() as place:
        place.hold(100)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose patience with headers is short."""
    monkeypatch.setattr(protocol, "HEADER_SECONDS_MAX", LIMIT_SECONDS)

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_config=None, ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nx: "])
def test_headers_that_do_not_end_are_cut_off(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(begun)
        began = time.monotonic()
        while connection.recv(65_536):
            pass
        assert LIMIT_SECONDS / 2 < time.monotonic() - began < 5


def test_a_kept_connection_that_rests_is_not_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.recv(65_536).endswith(b"ok")
            time.sleep(2 * LIMIT_SECONDS)
