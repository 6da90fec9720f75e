"""What the tests of the workplace share: a home, broken items for it, and an open quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.small_home import call, january, make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.ingest_file import ingest_file
from tieout.gateways.clock import SteppedClock
from tieout.ingest.verdict import Verdict
from tieout.kernel.instant import Instant, parse_instant
from tieout.ports.review import QuarantineQuery, ReviewedItem
from tieout.wiring import Home

FEBRUARY_10 = parse_instant("2026-02-10T00:00:00Z")
CHAT = """
[[event]]
type = "chat.message"
version = 1
effective_from = 2025-01-01T00:00:00Z
description = "One message."
[event.fields.words]
type = "integer"
use = "billing"
[event.fields.comment]
type = "string"
use = "context"
[event.fields.room]
type = "string"
use = "context"
[event.fields.tone]
type = "enum"
use = "context"
values = ["warm", "cold"]

[[meter]]
key = "words"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Words outside the lobby."
owner = "product"
event = "chat.message"
aggregation = "sum"
field = "words"
unit = "word"
[[meter.exclude]]
reason = "lobby"
where = { room = ["lobby"] }
"""


def review_home(folder: Path, *, now: Instant = FEBRUARY_10) -> tuple[Home, SteppedClock]:
    """A small home that knows chat messages as well, and has January's calls."""
    home, clock = make_home(folder, now=now)
    (folder / "papers" / "chat.toml").write_text(CHAT)
    apply_catalog(home, folder / "papers" / "chat.toml")
    feed(home, [{**item, "id": f"january-{item['id']}"} for item in january()])
    return home, clock


def message(id: str, *, customer: str = "acme", **changes: object) -> dict[str, object]:
    """A chat message; its texts are a person's."""
    return {
        "specversion": "1.0",
        "source": "chat",
        "id": id,
        "type": "chat.message",
        "subject": f"key-{customer}",
        "time": "2026-02-03T10:00:00Z",
        "data": {"words": 7, "comment": "plain", "room": "blue", "tone": "warm"},
        **changes,
    }


def feed(home: Home, items: Iterable[object], name: str = "events.ndjson") -> Path:
    """Each item a line; bytes go as they are."""
    file = home.folder / name
    file.write_bytes(b"".join(item if isinstance(item, bytes) else _line(item) for item in items))
    ingest_file(home, file)
    return file


def _line(item: object) -> bytes:
    return json.dumps(item).encode() + b"\n"


def bad_call(number: int, customer: str = "acme", tokens: object = "1_000") -> dict[str, object]:
    """A call of February whose number of tokens cannot be read."""
    item = call(number, customer, "2026-02-03T10:00:00Z")
    item["data"] = {"tokens": tokens}
    return item


def open_ones(home: Home) -> tuple[ReviewedItem, ...]:
    return tuple(found for found in home.review.items(QuarantineQuery()) if found.outcome is None)


def tallied(home: Home) -> dict[str, int]:
    """Received items by verdict."""
    found = {verdict.name.lower(): 0 for verdict in Verdict}
    for tally in home.log.tallies():
        found[tally.verdict.name.lower()] += tally.items
    return found


def corrected(item: dict[str, object], **data: object) -> bytes:
    """The item with other data, as a person would write it."""
    return json.dumps({**item, "data": {"tokens": 5, **data}}).encode()
