"""The load generator, a process of its own: posts prepared bodies over many kept connections, and counts only
what was acknowledged.

As cheap as it can be, since it shares the cores with what it measures: requests are written before the clock
starts, answers are looked at by their first bytes, and raw sockets are driven by one selector.
"""

from __future__ import annotations

import argparse
import json
import random
import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from bench.events import event_line
from tieout.kernel.instant import DAY_MICROSECONDS

OK = b"HTTP/1.1 200 "
END = b"\r\n\r\n"
LENGTH = b"content-length:"
READ_BYTES = 262_144
REST_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Load:
    """What was sent and acknowledged: events, requests, seconds, and how long a request took, in
    milliseconds.
    """

    events: int
    requests: int
    seconds: float
    p50_milliseconds: float
    p99_milliseconds: float


def lines_of(*, events: int, seed: int) -> Iterator[bytes]:
    """Events of unique ids, one a line."""
    chance = random.Random(seed)  # noqa: S311 reproducible on purpose, nothing secret
    return (event_line(chance, number * DAY_MICROSECONDS // events) for number in range(events))


def requests_of(lines: Iterable[bytes], *, per_request: int, token: str, host: str) -> Iterator[bytes]:
    """Whole requests, each with `per_request` of the lines: NDJSON, or one event in structured mode."""
    lines = iter(lines)
    kind = "application/cloudevents+json" if per_request == 1 else "application/x-ndjson"
    while batch := list(islice(lines, per_request)):
        body = b"".join(batch)
        head = (
            f"POST /v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
            f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


class Connection:
    """One kept connection with one request under way."""

    __slots__ = ("_began", "_left", "_socket", "answer")

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._left = memoryview(b"")
        self._began = 0.0
        self.answer = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def post(self, request: bytes) -> bool:
        """Starts to send; returns whether all of it is on its way."""
        self._began, self._left, self.answer = time.perf_counter(), memoryview(request), b""
        return self.send()

    def send(self) -> bool:
        try:
            while self._left:
                self._left = self._left[self._socket.send(self._left) :]
        except BlockingIOError:
            return False
        return True

    def receive(self) -> float | None:
        """Seconds since the request began, once its answer is whole; raises for any answer but 200."""
        piece = self._socket.recv(READ_BYTES)
        self.answer = self.answer + piece if self.answer else piece
        head = self.answer.find(END)
        if head >= 0:
            at = self.answer.lower().index(LENGTH) + len(LENGTH)
            length = int(self.answer[at : self.answer.index(b"\r", at)])
            if len(self.answer) >= head + len(END) + length:
                if not self.answer.startswith(OK):
                    raise SystemExit(f"refused: {self.answer[:400]!r}")
                return time.perf_counter() - self._began
        if not piece:
            raise SystemExit(f"the server closed a connection: {self.answer[:400]!r}")
        return None

    def close(self) -> None:
        self._socket.close()


def drive(requests: list[bytes], address: tuple[str, int], connections: int) -> list[float]:
    """Posts everything, one request at a time on each connection; returns the seconds each took."""
    chosen = selectors.DefaultSelector()
    taken: list[float] = []
    waiting = iter(requests)
    opened = [Connection(address) for _ in range(min(connections, len(requests)))]
    for connection in opened:
        done = connection.post(next(waiting))
        chosen.register(connection, selectors.EVENT_READ | (0 if done else selectors.EVENT_WRITE), connection)
    while len(taken) < len(requests):
        for key, events in chosen.select():
            connection = key.data
            is_sent = True
            if events & selectors.EVENT_WRITE:
                is_sent = connection.send()
            elif (seconds := connection.receive()) is not None:
                taken.append(seconds)
                following = next(waiting, None)
                if following is None:
                    chosen.unregister(connection)
                    continue
                is_sent = connection.post(following)
            wanted = selectors.EVENT_READ | (0 if is_sent else selectors.EVENT_WRITE)
            if wanted != key.events:
                chosen.modify(connection, wanted, connection)
    for connection in opened:
        connection.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--events", type=int, default=0, help="how many to make up")
    parser.add_argument("--file", type=Path, help="NDJSON to send instead")
    parser.add_argument("--per-request", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.file is None:
        lines = list(lines_of(events=asked.events, seed=asked.seed))
    else:
        lines = asked.file.read_bytes().splitlines(keepends=True)
    requests = list(requests_of(lines, per_request=asked.per_request, token=asked.token, host=asked.host))
    time.sleep(REST_SECONDS)
    begin = time.perf_counter()
    taken = sorted(drive(requests, (asked.host, asked.port), asked.connections))
    seconds = time.perf_counter() - begin
    p50, p99 = (round(1000 * taken[len(taken) * percent // 100], 2) for percent in (50, 99))
    print(json.dumps(asdict(Load(len(lines), len(taken), seconds, p50, p99))))


if __name__ == "__main__":
    main()
