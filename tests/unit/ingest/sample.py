"""A contract with a field of each type, mappings, and an event that keeps it: what the ingest tests share."""

from __future__ import annotations

import json

from hypothesis import settings

from tieout.contract.event_contract import ContractBook, EventContract, Field, FieldType, Use
from tieout.contract.source import FieldSource, SourceFormat, SourceMapping, TimeSource
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.kernel.ids import EventType
from tieout.kernel.instant import INSTANT_MIN, Instant, parse_instant
from tieout.kernel.quantity import Quantity

EXAMPLES = settings(max_examples=300)

NOW = parse_instant("2026-01-15T12:00:00Z")
SINCE = parse_instant("2025-01-01T00:00:00Z")

CALL = EventContract(
    type=EventType("api.call"),
    version=1,
    effective_from=SINCE,
    description="One call of the gateway",
    reach_days_max=90,
    fields=(
        Field("cached", FieldType.BOOLEAN, Use.CONTEXT),
        Field("cost", FieldType.DECIMAL, Use.CONTEXT, minimum=Quantity.parse("-5.5")),
        Field("model", FieldType.ENUM, Use.CONTEXT, values=("small", "large")),
        Field("note", FieldType.STRING, Use.CONTEXT, length_max=20),
        Field("started", FieldType.TIMESTAMP, Use.CONTEXT),
        Field("text", FieldType.STRING, Use.CONTEXT),
        Field(
            "tokens", FieldType.INTEGER, Use.BILLING, minimum=Quantity.of(0), maximum=Quantity.of(1_000_000)
        ),
    ),
    examples=(),
    digest="",
)
BOOK = ContractBook([CALL])

CSV = SourceMapping(
    key="gateway-csv",
    version=1,
    effective_from=INSTANT_MIN,
    format=SourceFormat.CSV,
    event_type="api.call",
    id=FieldSource(column="Request"),
    subject=FieldSource(column="Client", prefix="client-"),
    time=TimeSource(column="Time", layout="%Y-%m-%d %H:%M:%S", zone="America/New_York"),
    fields=(
        ("model", FieldSource(column="Model", replace=(("gpt-", ""), ("-v1", "")))),
        ("note", FieldSource(constant="from csv")),
        ("tokens", FieldSource(column="Tokens")),
    ),
    digest="",
)
ROW = {"Request": "r1", "Client": "7", "Time": "2026-01-15 06:30:00", "Model": "gpt-small-v1", "Tokens": "12"}


def item(**changes: object) -> bytes:
    """A good event as JSON with some members replaced; `...` takes one away."""
    members: dict[str, object] = {
        "specversion": "1.0",
        "id": "e1",
        "source": "gateway",
        "type": "api.call",
        "subject": "client-7",
        "time": "2026-01-15T11:30:00Z",
        "data": {"tokens": 12},
    }
    members.update(changes)
    return json.dumps({name: value for name, value in members.items() if value is not ...}).encode()


def with_data(text: str) -> bytes:
    """A good event whose `data` is this JSON text, written as it stands."""
    return item(data="DATA").replace(b'"DATA"', text.encode("utf-8", "surrogatepass"))


def decoded(raw: bytes, *, received_at: Instant = NOW, default_source: str | None = None) -> Event | Rejected:
    return decode_item(raw, BOOK, received_at=received_at, default_source=default_source)


def accepted(raw: bytes, *, received_at: Instant = NOW, default_source: str | None = None) -> Event:
    outcome = decoded(raw, received_at=received_at, default_source=default_source)
    assert isinstance(outcome, Event), outcome
    return outcome


def refused(raw: bytes, *, received_at: Instant = NOW, default_source: str | None = None) -> Rejected:
    outcome = decoded(raw, received_at=received_at, default_source=default_source)
    assert isinstance(outcome, Rejected), outcome
    return outcome


def reason_of(raw: bytes, *, received_at: Instant = NOW) -> Reason:
    return refused(raw, received_at=received_at).reason
