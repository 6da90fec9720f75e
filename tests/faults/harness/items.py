"""What the writers of a fault test send: fresh items, repeats, identities that all share, contradictions, and
items that are none. The same writer and block always give the same bytes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from tests.logs import event

FRESH = 8
SHARED_IDENTITIES = 40
CONTESTED_IDENTITIES = 12
SHARED, CONTESTED, REPEATED = 4, 2, 1


@dataclass(frozen=True, slots=True)
class Sent:
    """One item as it is sent. What is no event has no identity; `content` is all that may differ."""

    raw: bytes
    identity: str | None
    content: int


@dataclass(frozen=True, slots=True, order=True)
class BlockName:
    """Which writer sends which of its blocks."""

    writer: int
    number: int

    @property
    def origin(self) -> str:
        return f"writer {self.writer} block {self.number}"


def named(origin: str) -> BlockName:
    _, writer, _, number = origin.split()
    return BlockName(int(writer), int(number))


def items_of(name: BlockName) -> list[Sent]:
    generator = random.Random(name.origin)
    tag = name.writer * 1_000 + name.number
    fresh = [_event(f"own-{name.writer}-{name.number}-{place}", tag + place) for place in range(FRESH)]
    shared = [_event(f"shared-{n}", n) for n in _some(generator, SHARED_IDENTITIES, SHARED)]
    contested = [_event(f"contested-{n}", tag) for n in _some(generator, CONTESTED_IDENTITIES, CONTESTED)]
    broken = [_no_event(json.dumps({"broken": tag}).encode()), _no_event(b"no JSON %d" % tag)]
    items = [*fresh, *generator.choices(fresh, k=REPEATED), *shared, *contested, *broken]
    generator.shuffle(items)
    return items


def block_of(name: BlockName) -> bytes:
    return b"".join(item.raw + b"\n" for item in items_of(name))


def _some(generator: random.Random, among: int, count: int) -> list[int]:
    return [generator.randrange(among) for _ in range(count)]


def _event(identity: str, tokens: int) -> Sent:
    return Sent(json.dumps(event(identity, tokens)).encode(), identity, tokens)


def _no_event(raw: bytes) -> Sent:
    return Sent(raw, None, 0)
