"""What streams of live usage say, worked out once for all who listen to the same.

One task looks once in a while whose usage changed, and asks again for those alone; every listener is sent
what is true when it is ready for it. So there is no queue that a slow reader could fill, and many who look
cost one look. A round that took long is followed by a pause that is longer: whoever sends events goes first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from tieout.api.answers import Problem, busy
from tieout.api.limits import (
    CUSTOMER_STREAMS_MAX,
    HEARTBEAT_SECONDS,
    STREAM_BYTES_MAX,
    STREAM_POLL_SECONDS,
    STREAM_REST_FACTOR,
    STREAM_SECONDS_MAX,
    STREAMS_MAX,
)
from tieout.kernel.ids import CustomerId, Watermark

LOGGER = logging.getLogger("tieout")
Question = tuple[CustomerId, str]
"""Whose usage, by which dimensions."""
Ask = Callable[[dict[str, str]], Awaitable[bytes]]
Changed = Callable[[Collection[CustomerId]], Awaitable[Mapping[CustomerId, Watermark]]]
ALIVE = b": alive\n\n"


@dataclass(slots=True)
class _Channel:
    """One question with the last answer, as it is sent; `number` counts answers that differ. `is_over`:
    nobody can say any more."""

    event: bytes
    seen: Watermark
    number: int = 1
    listeners: int = 0
    is_over: bool = False
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, event: bytes) -> None:
        if event != self.event:
            self.event, self.number = event, self.number + 1
            self._wake()

    def end(self) -> None:
        self.is_over = True
        self._wake()

    async def is_told(self, seconds: float) -> bool:
        """False where nothing has come within so many seconds."""
        try:
            await asyncio.wait_for(self.told.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        self.told.set()
        self.told = asyncio.Event()


class Streams:
    """Those of one process. `ask` answers a question, `changed` says at which batch each customer's usage
    changed last."""

    def __init__(self, ask: Ask, changed: Changed) -> None:
        self._ask = ask
        self._changed = changed
        self._channels: dict[Question, _Channel] = {}
        self.of_customers: Counter[CustomerId] = Counter()
        self._watch: asyncio.Task[None] | None = None
        self.count = 0

    async def open(self, given: dict[str, str], *, by: CustomerId | None) -> AsyncIterator[bytes]:
        """What goes down one stream, piece by piece. `by`: the customer whose own key asks. Raises `Problem`:
        429 where there are too many, 413 where the answer is too long for a stream, or as the question is
        refused."""
        place = _Place(self, by)
        question = CustomerId(given["customer"]), given.get("group_by", "")
        try:
            channel = self._channels.get(question)
            if channel is None or channel.is_over:
                channel = await self._opened(given)
        except BaseException:
            place.leave()
            raise
        return self._pieces(question, channel, place)

    async def _opened(self, given: dict[str, str]) -> _Channel:
        customer = CustomerId(given["customer"])
        seen = (await self._changed([customer])).get(customer, Watermark(0))
        return _Channel(_event(await self._ask(given)), seen)

    async def _pieces(self, question: Question, opened: _Channel, place: _Place) -> AsyncIterator[bytes]:
        """Ends after STREAM_SECONDS_MAX: a client connects again by itself, and its key is looked at anew."""
        channel = self._listened_to(question, opened)
        channel.listeners += 1
        try:
            until, sent = time.monotonic() + STREAM_SECONDS_MAX, 0
            while (left := until - time.monotonic()) > 0 and not channel.is_over:
                if channel.number != sent:
                    sent = channel.number
                    yield channel.event
                elif not await channel.is_told(min(HEARTBEAT_SECONDS, left)):
                    yield ALIVE
        finally:
            channel.listeners -= 1
            place.leave()

    def _listened_to(self, question: Question, opened: _Channel) -> _Channel:
        channel = self._channels.get(question)
        if channel is None or channel.is_over:
            channel = self._channels[question] = opened
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_up())
            self._watch.add_done_callback(self._ended)
        return channel

    async def _keep_up(self) -> None:
        """As long as anybody listens."""
        while True:
            await asyncio.sleep(STREAM_POLL_SECONDS)
            self._channels = {
                question: channel
                for question, channel in self._channels.items()
                if channel.listeners and not channel.is_over
            }
            if not self._channels:
                return
            begun = time.monotonic()
            await self._look()
            await asyncio.sleep((time.monotonic() - begun) * STREAM_REST_FACTOR)

    async def _look(self) -> None:
        changed = await self._changed({customer for customer, _ in self._channels})
        for (customer, group_by), channel in list(self._channels.items()):
            at = changed.get(customer, channel.seen)
            if at == channel.seen:
                continue
            channel.seen = at
            given: dict[str, str] = {"customer": customer} | ({"group_by": group_by} if group_by else {})
            try:
                channel.tell(_event(await self._ask(given)))
            except Problem:  # who listens comes again, and is told then
                channel.end()

    def _ended(self, watch: asyncio.Task[None]) -> None:
        """Where it could not go on, who listens comes again."""
        failure = None if watch.cancelled() else watch.exception()
        if failure is not None:
            LOGGER.warning("the streams of live usage ended: %s", failure)
            for channel in self._channels.values():
                channel.end()


class _Place:
    """One stream's share of the room: given back when it ends, and by whoever asked and never began to read,
    for then nothing is left of the stream but this. Raises `Problem` 429."""

    def __init__(self, streams: Streams, by: CustomerId | None) -> None:
        self._is_held = False
        if streams.count >= STREAMS_MAX:
            raise busy("too-many-streams", f"This process sends {STREAMS_MAX} streams already.")
        if by is not None and streams.of_customers[by] >= CUSTOMER_STREAMS_MAX:
            most = f"Keys of {by} have {CUSTOMER_STREAMS_MAX} streams of this process"
            raise busy("too-many-streams", f"{most} already.")
        self._streams, self._by, self._is_held = streams, by, True
        streams.count += 1
        if by is not None:
            streams.of_customers[by] += 1

    def leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._streams.count -= 1
            if self._by is not None:
                self._streams.of_customers[self._by] -= 1

    __del__ = leave


def _event(document: bytes) -> bytes:
    """With the watermark as its id. Raises `Problem` 413."""
    if len(document) > STREAM_BYTES_MAX:
        detail = (
            f"The answer has {len(document)} bytes, and an event of a stream at most {STREAM_BYTES_MAX}: "
            "ask for it with `GET /v1/usage`, or by fewer dimensions."
        )
        raise Problem(413, "too-long-for-a-stream", detail)
    number = str(json.loads(document)["watermark"]).encode()
    return b"event: usage\nid: " + number + b"\ndata: " + document + b"\n\n"
