"""Receipts: for each request of a batch its counts and, per item that was not accepted, what became of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from tieout.ingest.block import Refused
from tieout.ingest.parcel import Gathered
from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Position
from tieout.store.log.append import Appended
from tieout.store.log.prepare import Prepared
from tieout.table.position_words import position_of

ReceiptItem = dict[str, str | int | None]


def receipts_of(appended: Appended, gathered: Gathered, prepared: Prepared) -> list[bytes]:
    """One JSON text for each request, in their order; the same whenever it is made from the same batch.

    `index` counts the items of the request from 0. `original` is the accepted event that a duplicate repeats
    or a conflict contradicts; `item` is where the quarantine keeps what was refused.
    """
    sizes = np.diff(gathered.firsts).tolist()
    lost: list[list[ReceiptItem]] = [[] for _ in sizes]
    counts = [[0] * len(Verdict) for _ in sizes]
    rows = appended.dispositions["row"].astype(np.int64)
    owners = gathered.owner_of(rows)
    reasons = {refused.row: refused for refused in prepared.refused}
    columns = (
        owners.tolist(),
        (rows - gathered.firsts[owners]).tolist(),
        rows.tolist(),
        *(appended.dispositions[name].tolist() for name in ("verdict", "reason", "original")),
    )
    for owner, index, row, verdict, reason, original in zip(*columns, strict=True):
        counts[owner][verdict] += 1
        lost[owner].append(_item(appended.batch, index, row, verdict, reason, original, reasons))
    return [
        _text(appended.batch, size, count, items)
        for size, count, items in zip(sizes, counts, lost, strict=True)
    ]


def _text(batch: int, size: int, count: list[int], items: list[ReceiptItem]) -> bytes:
    accepted = size - sum(count)
    head = (
        f'{{"batch":{batch},"received":{size},"accepted":{accepted},'
        f'"duplicate":{count[Verdict.DUPLICATE]},"conflict":{count[Verdict.CONFLICT]},'
        f'"quarantined":{count[Verdict.QUARANTINED]},"not_accepted":'
    )
    return head.encode() + (msgspec.json.encode(items) if items else b"[]") + b"}"


def _item(
    batch: int,
    index: int,
    row: int,
    verdict: int,
    reason: int,
    original: int,
    refused: Mapping[int, Refused],
) -> ReceiptItem:
    if verdict == Verdict.DUPLICATE:
        return {"index": index, "verdict": "duplicate", "original": str(position_of(original))}
    place = str(Position(batch, row))
    if verdict == Verdict.CONFLICT:
        return {
            "index": index,
            "verdict": "conflict",
            "reason": Reason(reason).code,
            "detail": "the same source and id was accepted before with other content",
            "original": str(position_of(original)),
            "item": place,
        }
    rejected = refused[row].rejected
    return {
        "index": index,
        "verdict": "quarantined",
        "reason": Reason(reason).code,
        "field": rejected.field,
        "detail": rejected.detail,
        "item": place,
    }
