"""A real event log in a temporary folder, and senders for it; the tests of the log share them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from tieout.contract.event_contract import ContractBook, EventContract, Field, FieldType, Use
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import EventType, HomeId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.quantity import Quantity
from tieout.ports import Clock, Entropy, IntakeTotals
from tieout.store.log.log import HERE, SqlEventLog, create_log
from tieout.store.log.meta import log_home_id
from tieout.store.log.segments.place import SegmentsPlace
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import open_engine

NOW = parse_instant("2026-03-01T00:00:00Z")


class SystemEntropy:
    def token(self, bytes_count: int) -> bytes:
        return os.urandom(bytes_count)


def contract(
    *, version: int = 1, effective_from: str = "2020-01-01T00:00:00Z", fields: Sequence[Field] | None = None
) -> EventContract:
    declared = fields if fields is not None else FIELDS
    return EventContract(
        type=EventType("llm.request"),
        version=version,
        effective_from=parse_instant(effective_from),
        description="one request",
        reach_days_max=400,
        fields=tuple(sorted(declared, key=lambda field: field.name)),
        examples=(),
        digest=f"{version:064x}",
    )


FIELDS = (
    Field("tokens", FieldType.INTEGER, Use.BILLING, minimum=Quantity.of(0), maximum=Quantity.of(10**9)),
    Field("cost", FieldType.DECIMAL, Use.CONTEXT, minimum=Quantity.of(-5)),
    Field("model", FieldType.ENUM, Use.BILLING, values=("small", "large")),
    Field("cached", FieldType.BOOLEAN, Use.CONTEXT),
    Field("started", FieldType.TIMESTAMP, Use.CONTEXT),
    Field("class", FieldType.STRING, Use.CONTEXT, length_max=12),
)
BOOK = ContractBook([contract()])


def event(id: str, tokens: object = 1, **changes: object) -> dict[str, object]:
    """A valid event with `changes` on the envelope; `data` replaces the whole data."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": "gateway",
        "type": "llm.request",
        "subject": "team-1",
        "time": "2026-02-14T12:00:00Z",
        "data": {"tokens": tokens, "model": "small"},
        **changes,
    }


def ndjson(events: Sequence[object]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in events)


def open_log(
    folder: Path,
    *,
    now: Instant = NOW,
    url: str | None = None,
    entropy: Entropy | None = None,
    clock: Clock | None = None,
    module: object | None = None,
    segments: SegmentsPlace = HERE,
) -> tuple[SqlEventLog, Engine]:
    """The log in `folder`, made where there is none; its database at `url` instead, if that is given.

    `module`: the driver for SQLite, where it is not the product's own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(url or folder / "log.db", schema="log", module=module)
    prepare_schema(engine, schema="log", place=str(folder))
    random = entropy or SystemEntropy()
    if log_home_id(engine) is None:
        create_log(engine, home_id=HomeId("home-of-a-test"), entropy=random)
    ticking = clock or SteppedClock(now)
    log = SqlEventLog(engine, folder, clock=ticking, entropy=random, segments=segments)
    return log, engine


def send(log: SqlEventLog, *blocks: bytes, book: ContractBook = BOOK, workers: int = 1) -> IntakeTotals:
    """Each block becomes one batch."""
    with log.intake(book, origin="a test", default_source=None, workers=workers) as intake:
        for block in blocks:
            intake.lines(block)
        return intake.finish()


def counts(totals: IntakeTotals) -> dict[str, int]:
    """Items by verdict, as lower-case names."""
    found: dict[str, int] = {}
    for (verdict, _), items in totals.counts.items():
        found[verdict.name.lower()] = found.get(verdict.name.lower(), 0) + items
    return found
