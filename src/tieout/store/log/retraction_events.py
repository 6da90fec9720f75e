"""Retractions as whole events, in plain Python: of certain identities, or later than a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tieout.contract.retraction import RETRACTION_TYPE
from tieout.ingest.retraction import target_of
from tieout.kernel.ids import Watermark
from tieout.ports import LogManifest, StoredEvent
from tieout.store.log.reader import read_segment, rows_of
from tieout.store.log.retractions import TARGET_COLUMN


def read_retractions(
    manifest: LogManifest, *, after: Watermark, targets: Collection[tuple[str, str]] | None
) -> list[StoredEvent]:
    """Up to the manifest's watermark and later than batch `after`, in position order. `targets`: only those
    that name one of these (source, id).
    """
    found = [
        (position, stored)
        for table in _tables(manifest, after)
        for position, stored in rows_of(_naming(table, targets))
        if after < position.batch <= manifest.watermark
        and (targets is None or target_of(stored.event) in targets)
    ]
    return [stored for _, stored in sorted(found, key=lambda pair: pair[0])]


def _tables(manifest: LogManifest, after: Watermark) -> Iterator[pa.Table]:
    for segment in manifest.segments:
        if segment.type == RETRACTION_TYPE and segment.last_batch > after:
            yield read_segment(segment)
    for part in manifest.tail:
        if part.type == RETRACTION_TYPE:
            yield part.table


def _naming(table: pa.Table, targets: Collection[tuple[str, str]] | None) -> pa.Table:
    if targets is None:
        return table
    ids = pa.array(sorted({event_id for _, event_id in targets}), pa.string())
    return table.filter(pc.is_in(table.column(TARGET_COLUMN), value_set=ids))
