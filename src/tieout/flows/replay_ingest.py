"""Items of a set on their way in: as requests to the HTTP interface's reception, or as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from tieout.contract.api_key import SourceScope
from tieout.flows.home import Home
from tieout.flows.ingest_file import ingest_file
from tieout.flows.receive_events import Reception
from tieout.ingest.framing import BYTE_ORDER_MARK
from tieout.ingest.parcel import Parcel, parcel_of_lines
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import KeyId
from tieout.kernel.limits import REQUEST_ITEMS_MAX
from tieout.ports import Idempotency, IdempotencyClash, Receipt, ReceivedRequest
from tieout.replay.call import VERDICTS, Call

ANY_SOURCE: Final = SourceScope(frozenset(), ("",))
KEY: Final = "replay"
"""The API key of requests that name none."""


class IdempotencyKeyReused(ConflictError):
    """The request would be refused with 409."""

    code = "idempotency-clash"

    def __init__(self, key: str) -> None:
        super().__init__(f"The Idempotency-Key {key!r} came with another body before; nothing was received.")


def ingested(home: Home, call: Call, file: Path, *, workers: int) -> tuple[Mapping[str, int], bool]:
    """How many items of each verdict, and whether the request was answered from its stored receipt."""
    if "format" in call.texts:
        report = ingest_file(
            home, file, format=call.texts["format"], source=call.texts.get("source"), workers=workers
        )
        return {verdict: getattr(report, verdict) for verdict in VERDICTS}, False
    return _requested(home, call, file.read_bytes())


def _requested(home: Home, call: Call, body: bytes) -> tuple[Mapping[str, int], bool]:
    """All in one commit, so that a recorded batch is one batch again."""
    key_id = KeyId(call.texts.get("key", KEY))
    given = call.texts.get("idempotency_key")
    idempotency = None if given is None else Idempotency(given, sha256(b"lines\0" + body).digest())
    parcels = [parcel_of_lines(body)] if idempotency is not None else _parcels(body)
    reception = Reception(home)
    sources = call.lists.get("sources")
    scope = ANY_SOURCE if sources is None else SourceScope(frozenset(sources), ())
    requests = [ReceivedRequest(key_id, scope, parcel, idempotency) for parcel in parcels]
    counts = dict.fromkeys(VERDICTS, 0)
    again = False
    for answer in reception.commit(reception.prepare(requests)):
        match answer:
            case IdempotencyClash():
                raise IdempotencyKeyReused(given or "")
            case Receipt(text=text, is_replay=is_replay):
                again = again or is_replay
                read = json.loads(text)
                counts = {name: count + read[name] for name, count in counts.items()}
    return (dict.fromkeys(VERDICTS, 0) if again else counts), again


def _parcels(body: bytes) -> list[Parcel]:
    """As many requests as one may have items."""
    lines = body.removeprefix(BYTE_ORDER_MARK).rstrip(b"\n").split(b"\n")
    return [
        parcel_of_lines(b"\n".join(lines[start : start + REQUEST_ITEMS_MAX]))
        for start in range(0, len(lines), REQUEST_ITEMS_MAX)
    ]
