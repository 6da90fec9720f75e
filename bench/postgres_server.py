"""The peer of the HTTP rows: Tieout's own HTTP stack, decoder and group commit, over PostgreSQL instead.

Each group is one COPY and one INSERT ... ON CONFLICT DO NOTHING, committed with synchronous_commit on. It
leaves out what PostgreSQL leaves out: comparing content, digests, quarantine, each item's fate in a receipt.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import uvicorn

from bench.postgres import COLUMNS, contracts, copy_rows, start
from tieout.api.events import EventsEndpoint
from tieout.api.group_commit import GroupCommit
from tieout.api.keyring import Keyring
from tieout.api.protocol import BoundedProtocol
from tieout.api.refusals import Refusals
from tieout.api.supervisor import listeners
from tieout.contract.api_key import ApiKey, KeyRole, token_digest
from tieout.gateways.clock import SystemClock
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.ports import Answer, Receipt, ReceivedRequest

TOKEN = b"tieout-0000000000000000-00"
INSERT = "INSERT INTO events SELECT * FROM arriving ON CONFLICT (source, id) DO NOTHING"


@dataclass(frozen=True, slots=True)
class Rows:
    """A group of requests, decoded and written as COPY wants it."""

    items: int
    requests: int
    content: bytes


class PostgresReception:
    """What `flows.receive_events.Reception` is to the log."""

    def __init__(self, uri: str) -> None:
        self._book = contracts()
        self._connection = psycopg.connect(uri)
        self._connection.execute(f"CREATE TEMPORARY TABLE arriving ({COLUMNS}) ON COMMIT DELETE ROWS")
        self._connection.commit()

    def prepare(self, requests: Sequence[ReceivedRequest]) -> Rows:
        lines = b"".join([request.parcel.content for request in requests])
        return Rows(lines.count(b"\n"), len(requests), copy_rows(lines, self._book))

    def commit(self, group: Rows) -> list[Answer]:
        with self._connection.cursor() as cursor:
            with cursor.copy("COPY arriving FROM STDIN WITH (FORMAT csv)") as copy:
                copy.write(group.content)
            cursor.execute(INSERT)
        self._connection.commit()
        return [Receipt(b'{"stored":true}', is_replay=False)] * group.requests


def application(uri: str) -> Callable[[Any, Any, Any], Awaitable[None]]:
    keyring = Keyring()
    key = ApiKey(KeyId("0" * 16), "bench", KeyRole.SOURCE, token_digest(TOKEN), ("*",), Instant(0), None)
    found: list[EventsEndpoint] = []

    async def keep() -> None:
        while True:
            keyring.replace([key])
            await asyncio.sleep(1)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await found[0](scope, receive, send)
            return
        await receive()
        group_commit = GroupCommit(PostgresReception(uri), on_broken=lambda: os._exit(1))
        refusals = Refusals(None, SystemClock())  # type: ignore[arg-type] # nothing is refused here
        found.append(EventsEndpoint(group_commit, keyring, refusals, is_behind=lambda: False))
        task = asyncio.create_task(keep())
        await asyncio.sleep(0)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        task.cancel()
        await asyncio.to_thread(group_commit.close)
        await send({"type": "lifespan.shutdown.complete"})

    return app


def serve(uri: str, listening: socket.socket) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    config = uvicorn.Config(
        application(uri),
        http=BoundedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("workers", type=int)
    asked = parser.parse_args()
    server = start(asked.folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE TABLE events ({COLUMNS}, PRIMARY KEY (source, id))")
        connection.execute("CHECKPOINT")
    sockets = listeners("127.0.0.1", 0, asked.workers)
    children = []
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    for listening in sockets:
        child = os.fork()
        if child == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            serve(server.get_uri(), listening)
            os._exit(0)
        children.append(child)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
    signal.sigwait({signal.SIGTERM})
    for child in children:
        os.kill(child, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)
    server.cleanup()


if __name__ == "__main__":
    main()
