"""Streams of live usage: worked out once for all who listen to the same, with nothing that piles up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field

import pytest

from tieout.api import streams as module
from tieout.api.answers import Problem, refusal
from tieout.api.limits import STREAM_BYTES_MAX
from tieout.api.streams import ALIVE, Streams
from tieout.flows.apply_catalog import NoSuchCustomer
from tieout.kernel.ids import CustomerId, Watermark

ACME, BIRCH = CustomerId("acme"), CustomerId("birch")


@dataclass
class World:
    """What is true, and how often it was asked for."""

    at: dict[CustomerId, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    looks: int = 0
    broken: bool = False
    padding: int = 0

    async def ask(self, given: dict[str, str]) -> bytes:
        self.asked.append(given["customer"])
        customer = CustomerId(given["customer"])
        if customer not in self.at:
            raise refusal(NoSuchCustomer(customer))
        return json.dumps({"watermark": self.at[customer], "padding": "x" * self.padding}).encode()

    async def changed(self, customers: Collection[CustomerId]) -> Mapping[CustomerId, Watermark]:
        self.looks += 1
        if self.broken:
            raise OSError("the disk is gone")
        return {each: Watermark(self.at[each]) for each in customers if each in self.at}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAM_POLL_SECONDS", 0.005)


def number(event: bytes) -> int:
    assert event.startswith(b"event: usage\nid: ") and event.endswith(b"\n\n")
    return int(event.splitlines()[1].removeprefix(b"id: "))


async def following(stream: AsyncIterator[bytes]) -> int:
    return number(await asyncio.wait_for(anext(stream), 5))


def test_many_who_listen_to_the_same_cost_one_look() -> None:
    async def story() -> None:
        world = World({ACME: 1, BIRCH: 1})
        streams = Streams(world.ask, world.changed)
        heard = [await streams.open({"customer": "acme"}, by=None) for _ in range(50)]
        assert [await following(each) for each in heard] == [1] * 50
        before = len(world.asked)
        for at in range(2, 6):
            world.at[ACME] = at
            assert [await following(each) for each in heard] == [at] * 50
        assert len(world.asked) - before == 4, "one answer for each change"
        other = await streams.open({"customer": "birch"}, by=None)
        assert (await following(other), streams.count) == (1, 51)
        for each in (*heard, other):
            await each.aclose()  # type: ignore[attr-defined]
        assert streams.count == 0
        await asyncio.sleep(0.05)
        looks = world.looks
        await asyncio.sleep(0.05)
        assert world.looks == looks, "where nobody listens nobody looks"

    asyncio.run(story())


def test_who_does_not_take_what_came_is_told_only_what_is_true_when_it_does() -> None:
    async def story() -> None:
        world = World({ACME: 1})
        streams = Streams(world.ask, world.changed)
        slow, quick = [await streams.open({"customer": "acme"}, by=None) for _ in range(2)]
        assert [await following(slow), await following(quick)] == [1, 1]
        for at in range(2, 30):
            world.at[ACME] = at
            assert await following(quick) == at
        assert await following(slow) == 29, "nothing was kept for it meanwhile"

    asyncio.run(story())


def test_a_line_without_news_is_alive_and_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(module, "STREAM_SECONDS_MAX", 0.1)

    async def story() -> None:
        world = World({ACME: 1})
        streams = Streams(world.ask, world.changed)
        heard = [piece async for piece in await streams.open({"customer": "acme"}, by=None)]
        assert number(heard[0]) == 1 and set(heard[1:]) == {ALIVE} and len(heard) >= 3
        assert streams.count == 0

    asyncio.run(story())


def test_one_customer_cannot_take_all_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CUSTOMER_STREAMS_MAX", 3)
    monkeypatch.setattr(module, "STREAMS_MAX", 5)

    async def story() -> None:
        world = World({ACME: 1, BIRCH: 1})
        streams = Streams(world.ask, world.changed)
        at_once = [await streams.open({"customer": "acme"}, by=ACME) for _ in range(3)]
        assert [await following(each) for each in at_once] == [1] * 3
        with pytest.raises(Problem) as refused:
            await streams.open({"customer": "acme"}, by=ACME)
        assert (refused.value.status, refused.value.code) == (429, "too-many-streams")
        mine = [await streams.open({"customer": "birch"}, by=BIRCH) for _ in range(2)]
        assert [await following(each) for each in mine] == [1, 1]
        with pytest.raises(Problem, match="5 streams"):
            await streams.open({"customer": "birch"}, by=None)
        await mine[0].aclose()  # type: ignore[attr-defined]
        for _ in range(9):
            await streams.open({"customer": "birch"}, by=None)  # gone before it is read from
        assert await following(await streams.open({"customer": "birch"}, by=None)) == 1

    asyncio.run(story())


def test_what_can_no_longer_be_told_ends_its_streams_and_no_others() -> None:
    async def story() -> None:
        world = World({ACME: 1, BIRCH: 1})
        streams = Streams(world.ask, world.changed)
        acme = await streams.open({"customer": "acme"}, by=None)
        birch = await streams.open({"customer": "birch"}, by=None)
        assert [await following(acme), await following(birch)] == [1, 1]
        world.padding = STREAM_BYTES_MAX
        world.at[ACME] = 2
        assert [piece async for piece in acme] == [], "too long by now"
        with pytest.raises(Problem) as refused:
            await streams.open({"customer": "acme"}, by=None)
        assert (refused.value.status, refused.value.code) == (413, "too-long-for-a-stream")
        world.padding = 0
        world.at[BIRCH] = 3
        assert await following(birch) == 3
        world.broken = True
        assert [piece async for piece in birch] == []
        world.broken = False
        assert await following(await streams.open({"customer": "birch"}, by=None)) == 3
        with pytest.raises(Problem, match="nobody"):
            await streams.open({"customer": "nobody"}, by=None)
        assert streams.count == 1

    asyncio.run(story())
