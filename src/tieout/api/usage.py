"""`GET /v1/usage`: what a customer has used in its open period; and the same as server-sent events
(`streams.py`). Nothing here writes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any

from litestar import Request, Response, get
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import Problem, refusal
from tieout.api.keyring import Keyring, KnownKey
from tieout.api.limits import USAGES_AT_ONCE_MAX, WINDOWED_AT_ONCE_MAX
from tieout.api.query_string import parameters_of
from tieout.api.streams import Streams
from tieout.flows.home import Home
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.usage_document import usage_document
from tieout.flows.usage_windows import Window, usage_by_window
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, Watermark

USAGE, USAGE_STREAM = "/v1/usage", "/v1/usage/stream"
PARAMETERS = ("customer", "group_by", "window", "at_batch")
STREAM_PARAMETERS = ("customer", "group_by")
BATCH_DIGITS_MAX = 18


class Usages:
    """Readers of one process: each answers one question at a time."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._free = [LiveUsageReader(home) for _ in range(USAGES_AT_ONCE_MAX)]
        self._room = asyncio.Semaphore(USAGES_AT_ONCE_MAX)
        self._windowed = asyncio.Semaphore(WINDOWED_AT_ONCE_MAX)

    async def answer(self, given: dict[str, str]) -> bytes:
        async with self._windowed if "window" in given or "at_batch" in given else self._room:
            return await asyncio.to_thread(self._answered, given)

    async def changed(self, customers: Collection[CustomerId]) -> Mapping[CustomerId, Watermark]:
        return await asyncio.to_thread(self._home.live.changed, customers)

    def _answered(self, given: dict[str, str]) -> bytes:
        reader = self._free.pop() if self._free else LiveUsageReader(self._home)
        try:
            return json.dumps(self._document(reader, given), separators=(",", ":")).encode()
        except TieoutError as error:
            raise refusal(error) from None
        finally:
            if len(self._free) < USAGES_AT_ONCE_MAX:
                self._free.append(reader)

    def _document(self, reader: LiveUsageReader, given: dict[str, str]) -> dict[str, Any]:
        customer = CustomerId(given["customer"])
        group_by = tuple(name for name in given.get("group_by", "").split(",") if name)
        at = _batch(given.get("at_batch"))
        if at is None:
            live = reader.usage(customer, group_by=group_by)
        else:
            live = reader.usage_at(customer, at, group_by=group_by)
        windows = None
        if "window" in given:
            plan, window = reader.plan(customer), Window(given["window"])
            windows = usage_by_window(self._home, plan, window, live.watermark, group_by=group_by)
        return usage_document(live, group_by=group_by, windows=windows)


def usage_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """`GET /v1/usage` and `GET /v1/usage/stream`."""
    usages = Usages(home)
    streams = Streams(usages.answer, usages.changed)

    @get(USAGE, tags=["usage"], summary="What a customer has used in its open period")
    async def usage(request: Request[Any, Any, Any]) -> Response[bytes]:
        """`customer` (a customer's key may leave it out), `group_by` (dimensions with commas between),
        `window` (hour or day), `at_batch`. The answer states the batch it stands at, and when that came.
        """
        known = keyring.admitted(request.scope["headers"], roles_for("GET", USAGE))
        given = _given(request.scope["query_string"], known, PARAMETERS)
        return Response(await usages.answer(given), media_type="application/json")

    @get(USAGE_STREAM, tags=["usage"], summary="The same as server-sent events, whenever it changes")
    async def stream(request: Request[Any, Any, Any]) -> Stream:
        """`customer` and `group_by` as there. Each event `usage` has the watermark as its id and the whole
        answer as its data; a comment every few seconds says that the line is alive.
        """
        known = keyring.admitted(request.scope["headers"], roles_for("GET", USAGE_STREAM))
        given = _given(request.scope["query_string"], known, STREAM_PARAMETERS)
        pieces = await streams.open(given, by=known.key.customer)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(pieces, media_type="text/event-stream", headers=headers)

    return [usage, stream]


def _given(query: bytes, known: KnownKey, names: tuple[str, ...]) -> dict[str, str]:
    given = parameters_of(query, names)
    own = known.key.customer
    if own is not None and given.setdefault("customer", own) != own:
        detail = "This key may see the usage of its own customer only."
        raise Problem(403, "customer-forbidden", detail, key_id=known.key.key_id)
    if not given.get("customer"):
        raise Problem(422, "malformed-parameter", "customer: whose usage is asked for?")
    if given.get("window") not in (None, *Window):
        raise Problem(422, "malformed-parameter", f"window: hour or day, not {given['window'][:64]!r}.")
    _batch(given.get("at_batch"))
    return given


def _batch(text: str | None) -> Watermark | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= BATCH_DIGITS_MAX):
        raise Problem(422, "malformed-parameter", f"at_batch: a batch number, not {text[:64]!r}.")
    return Watermark(int(text))
