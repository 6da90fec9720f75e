"""More clients than a server has streams for, none of which reads: others are answered, what is sent is
received, memory is bounded, and places come free again."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.small_home import call, catalog_text
from tests.surface.served import Served, ndjson
from tieout.api.limits import CUSTOMER_STREAMS_MAX, STREAMS_MAX
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.kernel.instant import format_instant
from tieout.wiring import create_home

CLIENTS = 500
MORE_BYTES_MAX = 128 * 1_048_576
BATCH_SECONDS_MAX = 1.0
"""Of the slower ones of some batches; without streams it is some 10 ms."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("streams") / "home"
    (folder.parent / "catalog.toml").write_text(catalog_text())
    with create_home(folder) as home:
        apply_catalog(home, folder.parent / "catalog.toml")
        _, token = create_api_key(home, name="gateway", role="source", sources=["gateway"])
    served = Served(folder, token)
    served.start(workers=1)
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)


def asking(served: Served, token: str, query: str) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", served.port))
    head = f"GET /v1/usage/stream{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(12).split()[1])


def resident_bytes(served: Served) -> int:
    """Of the server and all its processes."""
    assert served.process is not None
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in children]
    return sum(pages) * 4_096


def batches_seconds(served: Served, first: int, count: int) -> list[float]:
    with served.home() as home:
        at = format_instant(home.clock.now())
    found = []
    for number in range(first, first + count):
        begun = time.monotonic()
        served.receipt(ndjson([call(number * 100 + n, "acme", at) for n in range(50)]))
        found.append(time.monotonic() - begun)
    return sorted(found)


def test_five_hundred_who_read_nothing(served: Served) -> None:
    _, finance = served.key(role="finance")
    _, own = served.key(role="customer", customer="birch")
    batches_seconds(served, 0, 5)
    before = resident_bytes(served)
    with ExitStack() as stack:
        clients = [stack.enter_context(asking(served, finance, "?customer=acme")) for _ in range(CLIENTS)]
        taken = batches_seconds(served, 100, 30)
        assert taken[-4] < BATCH_SECONDS_MAX
        assert resident_bytes(served) - before < MORE_BYTES_MAX
        told = Counter(status(each) for each in clients)
        assert told == {200: STREAMS_MAX, 429: CLIENTS - STREAMS_MAX}
    begun = time.monotonic()
    while True:
        with asking(served, finance, "?customer=acme") as again:
            if status(again) == 200:
                break
        assert time.monotonic() - begun < 20, "places of those who are gone come free"
        time.sleep(0.1)
    with ExitStack() as stack:
        mine = [stack.enter_context(asking(served, own, "")) for _ in range(CUSTOMER_STREAMS_MAX + 3)]
        told = Counter(status(each) for each in mine)
        assert told == {200: CUSTOMER_STREAMS_MAX, 429: 3}
        with asking(served, finance, "?customer=birch") as other:
            assert status(other) == 200, "a customer takes no place of others"
