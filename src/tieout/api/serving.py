"""What one server process holds while it serves: the group commit, the keys, the counts, and their upkeep.

Its life is the lifespan of the ASGI server: made at startup, drained at shutdown, after the last answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Iterator

from tieout.api.app import HotPath, litestar_app
from tieout.api.asgi import Receive, Scope, Send
from tieout.api.entitlements import EntitlementsEndpoint
from tieout.api.events import EventsEndpoint
from tieout.api.group_commit import GroupCommit
from tieout.api.keyring import Keyring
from tieout.api.limits import BACKLOG_BYTES_MAX, KEYS_SECONDS, TICK_SECONDS
from tieout.api.refusals import Refusals
from tieout.flows.api_keys import list_api_keys
from tieout.flows.home import Home
from tieout.flows.receive_events import Reception
from tieout.wiring import crash_point, storage_failure

LOGGER = logging.getLogger("tieout")


class Serving:
    """The ASGI application of one process. `leave` asks the server to end gracefully."""

    def __init__(self, home: Home, *, on_ready: Callable[[], None], leave: Callable[[], None]) -> None:
        self._home = home
        self._on_ready = on_ready
        self._leave = leave
        self._keyring = Keyring()
        self._refusals = Refusals(home.log, home.clock)
        self._is_behind = False
        self._parent = os.getppid()
        self._hot: HotPath | None = None
        self.start_failure: Exception | None = None
        self._group_commit: GroupCommit | None = None

    @property
    def failure(self) -> Exception | None:
        """How the store failed, so that the process must not go on."""
        if self._group_commit is None or not self._group_commit.is_broken:
            return None
        return self._group_commit.failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            assert self._hot is not None, "requests come after the start"
            await self._hot(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._keyring.replace(await asyncio.to_thread(list_api_keys, self._home))
            reception = await asyncio.to_thread(Reception, self._home)
        except Exception as error:  # noqa: BLE001 - told by who runs this process
            self.start_failure = error
            await send({"type": "lifespan.startup.failed"})
            return
        group_commit = GroupCommit(reception, on_broken=self._leave)
        endpoint = EventsEndpoint(
            group_commit, self._keyring, self._refusals, is_behind=lambda: self._is_behind
        )
        entitlements = EntitlementsEndpoint(self._home, self._keyring)
        app = litestar_app(endpoint, entitlements, self._keyring, self._home, self._refusals)
        self._group_commit, self._hot = group_commit, HotPath(endpoint, entitlements, app)
        async with app.lifespan():
            upkeep = [asyncio.create_task(self._read_keys()), asyncio.create_task(self._tick())]
            await send({"type": "lifespan.startup.complete"})
            self._on_ready()
            await receive()
            crash_point("shutdown-told")
            for task in upkeep:
                task.cancel()
            await asyncio.gather(*upkeep, return_exceptions=True)
            await asyncio.to_thread(group_commit.close)
            crash_point("shutdown-drained")
            await self._store_refusals()
            crash_point("shutdown-counted")
        await send({"type": "lifespan.shutdown.complete"})

    async def _read_keys(self) -> None:
        while True:
            await asyncio.sleep(KEYS_SECONDS)
            with _told("the API keys cannot be read"):
                self._keyring.replace(await asyncio.to_thread(list_api_keys, self._home))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            with _told("the length of the write-ahead log cannot be read"):
                self._is_behind = self._home.log.wal_bytes() > BACKLOG_BYTES_MAX
            await self._store_refusals()
            if os.getppid() != self._parent:  # the supervisor is gone, and with it who would restart us
                self._leave()

    async def _store_refusals(self) -> None:
        taken = self._refusals.taken()
        if not taken:
            return
        is_stored = False
        try:
            with _told("the counts of refused requests cannot be stored"):
                await asyncio.to_thread(self._refusals.store, taken)
                is_stored = True
        finally:
            if not is_stored:
                self._refusals.put_back(taken)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Upkeep that fails is told and tried again; it does not end the server."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - upkeep goes on, and is tried again
        LOGGER.warning("%s: %s", what, storage_failure(error) or error)
