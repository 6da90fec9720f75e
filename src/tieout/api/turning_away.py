"""What a process does that cannot serve: it tells whoever waits at its socket to come again."""

from __future__ import annotations

import contextlib
import socket
import time

from tieout.api.answers import HttpAnswer
from tieout.api.limits import TURN_AWAY_CLIENT_SECONDS, TURN_AWAY_SECONDS

PIECE_BYTES = 65_536


def turn_away(listening: socket.socket, answer: HttpAnswer) -> None:
    """Answers who waits now, for TURN_AWAY_SECONDS at most; their requests are not received."""
    until = time.monotonic() + TURN_AWAY_SECONDS
    with contextlib.suppress(OSError):  # nobody waits any more, or the socket is closed already
        listening.setblocking(False)
        while time.monotonic() < until:
            client, _ = listening.accept()
            with client, contextlib.suppress(OSError):
                client.settimeout(TURN_AWAY_CLIENT_SECONDS)
                client.recv(PIECE_BYTES)
                client.sendall(answer.closing())
                client.shutdown(socket.SHUT_WR)
                while client.recv(PIECE_BYTES) and time.monotonic() < until:
                    pass  # a socket that is closed with bytes unread takes the answer back
