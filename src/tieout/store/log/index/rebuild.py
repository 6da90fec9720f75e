"""Builds the identity index again from the segments, to the same bytes: it is derived, and may be deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import Engine, select

from tieout.kernel.ids import Watermark
from tieout.store.log import schema
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.erasures import ErasedKeys, erased_keys, with_erased_keys
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.reader import manifest, read_segment
from tieout.table.canonical import identity_keys

NO_ENTRIES = KeyEntries(
    np.empty((0, 2), dtype=np.uint64), np.empty((0, 2), dtype=np.uint64), np.empty(0, dtype=np.uint32)
)


def learn_missing(engine: Engine, folder: Path, index: IdentityIndex, secret: bytes) -> None:
    """Learns the batches whose key entries are no longer stored and that no run file holds."""
    with engine.connect() as connection:
        head = connection.execute(select(schema.head.c.batch)).scalar_one()
        erased = erased_keys(connection)
        numbers = select(schema.batches.c.number).where(schema.batches.c.number > index.filed)
        stored = select(schema.keys.c.batch)
        missing = list(connection.execute(numbers.where(schema.batches.c.number.not_in(stored))).scalars())
    if not missing:
        return
    last = max(missing)
    for batch, entries in _entries_from_segments(engine, folder, secret, index.filed + 1, last, head, erased):
        index.learn(batch, entries)
        index.file_runs()


def _entries_from_segments(
    engine: Engine, folder: Path, secret: bytes, first: int, last: int, head: int, erased: ErasedKeys
) -> Iterator[tuple[int, KeyEntries]]:
    segments = [s for s in manifest(engine, folder, Watermark(head)).segments if s.last_batch >= first]
    following = first
    for start, end in sorted({(segment.first_batch, segment.last_batch) for segment in segments}):
        own = [segment for segment in segments if (segment.first_batch, segment.last_batch) == (start, end)]
        by_batch = _entries_by_batch([read_segment(segment) for segment in own], secret, erased)
        for batch in range(max(start, following), min(end, last) + 1):
            yield batch, by_batch.get(batch, NO_ENTRIES)
            following = batch + 1


def _entries_by_batch(tables: list[pa.Table], secret: bytes, erased: ErasedKeys) -> dict[int, KeyEntries]:
    keys = np.concatenate(
        [
            np.frombuffer(with_erased_keys(table, identity_keys(table, secret), erased), "<u8").reshape(-1, 2)
            for table in tables
        ]
    )
    columns = {
        name: np.concatenate([table.column(name).to_numpy() for table in tables])
        for name in ("batch", "row", "lane_a", "lane_b")
    }
    order = np.lexsort((columns["row"], columns["batch"]))
    batches, starts = np.unique(columns["batch"][order], return_index=True)
    lanes = np.column_stack((columns["lane_a"], columns["lane_b"]))
    return {
        int(batch): KeyEntries(keys[own], lanes[own], columns["row"][own].astype(np.uint32))
        for batch, own in zip(batches, np.split(order, starts[1:]), strict=True)
    }
