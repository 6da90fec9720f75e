"""The rows that one batch writes: itself, its key entries and bodies, its quarantine, and its tallies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, insert

from tieout.contract.event_contract import ContractBook
from tieout.ingest.block import Refused
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.ingest.verdict import Verdict, Verdicts
from tieout.kernel.instant import Instant, hour_of
from tieout.store.log import schema
from tieout.store.log.encoding import KeyEntries, decode_body, encode_dispositions, encode_keys
from tieout.store.log.prepare import Prepared
from tieout.table.position_words import position_of

Redecode = Callable[[int, ContractBook], Event | Rejected]
"""(received row, contracts) -> the item of that row as those contracts type it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the log keeps about where a batch came from. `raw_of` gives a received row's bytes, `line_of` its
    line, `origin_of` where it came from, if that differs within the batch; `reading` how such bytes are read
    again. With `together`, all of its items are accepted in one batch, or none is received.
    """

    received_at: Instant
    origin: str
    contracts: str
    commit_id: str
    raw_of: Callable[[int], bytes]
    line_of: Callable[[int], int]
    redecode: Redecode
    together: bool = False
    origin_of: Callable[[int], str] | None = None
    reading: str | None = None


def conflicts_of(prepared: Prepared, verdicts: Verdicts, arrival: Arrival) -> list[tuple[int, bytes, int]]:
    """(received row, raw bytes, the word of the original position) of every conflict."""
    return [
        (row, arrival.raw_of(row), int(verdicts.original[index]))
        for index in np.flatnonzero(verdicts.verdict == Verdict.CONFLICT)
        for row in [int(prepared.rows[index])]
    ]


def insert_batch(
    connection: Connection,
    number: int,
    prepared: Prepared,
    arrival: Arrival,
    previous: bytes,
    digest: bytes,
    accepted: npt.NDArray[np.bool_],
    dispositions: npt.NDArray[np.void],
) -> None:
    connection.execute(
        insert(schema.batches).values(
            number=number,
            commit_id=arrival.commit_id,
            received_at=arrival.received_at,
            previous_digest=previous,
            digest=digest,
            received=prepared.received,
            accepted=int(accepted.sum()),
            contracts=arrival.contracts,
            dispositions=encode_dispositions(dispositions),
            origin=arrival.origin,
        )
    )
    entries = KeyEntries(
        prepared.keys[accepted], prepared.lanes[accepted], prepared.rows[accepted].astype(np.uint32)
    )
    connection.execute(insert(schema.keys).values(batch=number, entries=encode_keys(entries)))
    for index, body in enumerate(prepared.bodies):
        if accepted[prepared.part == index].any():
            connection.execute(
                insert(schema.bodies).values(
                    batch=number,
                    type=body.type,
                    contract_version=body.contract_version,
                    sha256=body.sha256,
                    body=body.body,
                )
            )


def insert_quarantine(
    connection: Connection,
    number: int,
    prepared: Prepared,
    arrival: Arrival,
    conflicts: list[tuple[int, bytes, int]],
) -> None:
    common = {"batch": number, "received_at": arrival.received_at, "reading": arrival.reading}
    refused = [_quarantine_row(item, arrival) | common for item in prepared.refused]
    contradicting = []
    place = {int(row): index for index, row in enumerate(prepared.rows)} if conflicts else {}
    for row, raw, packed in conflicts:
        original = position_of(packed)
        source, event_id = _identity_of(prepared, place[row])
        detail = f"the accepted original is {original}"
        rejected = Rejected(Reason.IDENTITY_CONFLICT, None, detail, source, event_id)
        contradicting.append(
            _quarantine_row(Refused(row, raw, rejected), arrival, Verdict.CONFLICT)
            | common
            | {"original_batch": original.batch, "original_row": original.row}
        )
    for rows in (refused, contradicting):
        if rows:
            connection.execute(insert(schema.quarantine), rows)


def _identity_of(prepared: Prepared, index: int) -> tuple[str, str]:
    """(source, id) of one decoded row, read back from its encoded body: conflicts are few."""
    table = decode_body(prepared.bodies[prepared.part[index]].body, "a body that was just encoded")
    own = table.filter(pc.equal(table.column("row"), pa.scalar(int(prepared.rows[index]), pa.int32())))
    return own.column("source")[0].as_py(), own.column("id")[0].as_py()


def _quarantine_row(
    refused: Refused, arrival: Arrival, verdict: Verdict = Verdict.QUARANTINED
) -> dict[str, object]:
    rejected = refused.rejected
    return {
        "row": refused.row,
        "verdict": verdict,
        "reason": rejected.reason,
        "field": rejected.field,
        "detail": rejected.detail,
        "source": rejected.source,
        "event_id": rejected.id,
        "origin": arrival.origin if arrival.origin_of is None else arrival.origin_of(refused.row),
        "line": arrival.line_of(refused.row),
        "raw": refused.raw,
    }


def insert_tallies(
    connection: Connection, number: int, prepared: Prepared, arrival: Arrival, verdicts: Verdicts
) -> dict[tuple[Verdict, Reason], int]:
    hour = hour_of(arrival.received_at)
    tallies: dict[tuple[str, Verdict, Reason], int] = {}
    pairs, counts = np.unique(prepared.sources.astype(np.int64) * 8 + verdicts.verdict, return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        source, verdict = prepared.source_names[pair // 8], Verdict(pair % 8)
        reason = Reason.IDENTITY_CONFLICT if verdict is Verdict.CONFLICT else Reason.NONE
        tallies[source, verdict, reason] = count
    for item in prepared.refused:
        key = (item.rejected.source, Verdict.QUARANTINED, item.rejected.reason)
        tallies[key] = tallies.get(key, 0) + 1
    assert sum(tallies.values()) == prepared.received, "law L1"
    rows = [
        {
            "batch": number,
            "source": source,
            "hour": hour,
            "verdict": verdict,
            "reason": reason,
            "items": items,
        }
        for (source, verdict, reason), items in tallies.items()
    ]
    if rows:
        connection.execute(insert(schema.tallies), rows)
    totals: dict[tuple[Verdict, Reason], int] = {}
    for (_, verdict, reason), items in tallies.items():
        totals[verdict, reason] = totals.get((verdict, reason), 0) + items
    return totals
