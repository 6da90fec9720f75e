"""A proxy in front of a real PostgreSQL that can cut a connection at its COMMIT: before the server sees it,
or after, so that the reply is lost.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

COMMIT = b"COMMIT\x00"
"""As the driver sends it: a simple query."""
PIECE_BYTES = 65_536

Cut = Literal["before", "after", "at once"]
"""Before the COMMIT reaches the server; after the server has answered it; right after it was sent on,
whatever the server makes of it.
"""


class CuttingProxy:
    """Forwards every connection to a unix socket; `cut_next` arms it for one COMMIT."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._armed: Cut | None = None
        self.cuts = 0
        self._muted: set[socket.socket] = set()
        self._downwards_ended: dict[socket.socket, threading.Event] = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_next(self, how: Cut) -> None:
        self._armed = how

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            self._downwards_ended[server] = threading.Event()
            for target in (self._upwards, self._downwards):
                threading.Thread(target=target, args=(client, server), daemon=True).start()

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        for piece in pieces(client):
            if self._armed is not None and COMMIT in piece:
                how, self._armed = self._armed, None
                self._cut(how, piece, client, server)
                return
            try:
                server.sendall(piece)
            except OSError:
                break
        shut(server)

    def _downwards(self, client: socket.socket, server: socket.socket) -> None:
        for piece in pieces(server):
            try:
                if server not in self._muted:
                    client.sendall(piece)
            except OSError:
                self._muted.add(server)  # what the server says is still read to its end
        self._downwards_ended[server].set()
        shut(client)

    def _cut(self, how: Cut, piece: bytes, client: socket.socket, server: socket.socket) -> None:
        self.cuts += 1
        if how == "before":
            shut(client)
            shut(server)
            return
        if how == "after":
            self._muted.add(server)
            server.sendall(piece)
            server.shutdown(socket.SHUT_WR)  # the server answers the COMMIT, then ends the session
            self._downwards_ended[server].wait(10)
        else:
            shut(client)
            server.sendall(piece)
        shut(client)
        shut(server)


def pieces(connection: socket.socket) -> Iterator[bytes]:
    """What arrives, until the other side ends or the connection breaks."""
    while True:
        try:
            piece = connection.recv(PIECE_BYTES)
        except OSError:
            return
        if not piece:
            return
        yield piece


def shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is shut already


@contextmanager
def cutting_proxy(server: Path) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(server)
    try:
        yield proxy
    finally:
        proxy.close()
