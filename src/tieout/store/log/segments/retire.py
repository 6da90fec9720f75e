"""What compaction and merging left behind, deleted a little at a time: bodies, key entries and segments
retired long enough, and files that no row names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, select

from tieout.kernel.instant import Instant
from tieout.ports import SegmentFiles
from tieout.store.log import schema
from tieout.store.log.reader import compacted_upto
from tieout.store.log.turn import turn, turn_lock
from tieout.store.sqlite import give_room_back, pages_free

RETIRED_MICROSECONDS: Final = 15 * 60_000_000
RETIRED_BYTES_PER_TRANSACTION: Final = 4 * 1024**2
RETIRED_PER_TRANSACTION: Final = 64


def delete_retired(
    engine: Engine, folder: Path, files: SegmentFiles, *, now: Instant, upto_filed: int, pages_kept: int
) -> int:
    """Deletes what no reader can need any more; returns how many bodies, key entries and segments it were.

    `pages_kept`: free pages of the database that are left to the next bodies; the rest is given back. Key
    entries go once segments and run files of the index (up to batch `upto_filed`) both hold their batch.
    """
    before = now - RETIRED_MICROSECONDS
    removed = 0
    while some := _delete_rows(engine, folder, before, upto_filed):
        removed += some
    while (free := pages_free(engine)) > pages_kept:
        with turn_lock(engine, folder):
            give_room_back(engine)
        if pages_free(engine) >= free:
            break  # others free and take pages meanwhile
    return removed + _delete_segments(engine, folder, files, before)


def collect_orphans(engine: Engine, files: SegmentFiles, *, now: Instant) -> list[str]:
    """Deletes files of expired intents that no segment row names, and files that a killed process wrote only
    in part; returns their names. The lease is ours, so nobody else is writing.
    """
    orphans: list[str] = []
    present = files.names()  # first: what is named meanwhile was not there
    with engine.connect() as connection:
        if not _intents_live(connection, now):
            named = set(connection.execute(select(schema.segments.c.path)).scalars())
            orphans = [name for name in present if name not in named]
    for name in orphans:
        files.delete(name)
    return [*files.discard_drafts(), *orphans]


def _intents_live(connection: Connection, now: Instant) -> bool:
    compactions, merges = schema.compactions, schema.merges
    compacting = compactions.c.done_at.is_(None) & (compactions.c.expires_at > now)
    return any(
        connection.execute(select(func.count()).select_from(table).where(live)).scalar_one()
        for table, live in ((compactions, compacting), (merges, merges.c.expires_at > now))
    )


def _delete_rows(engine: Engine, folder: Path, before: int, upto_filed: int) -> int:
    """A few bodies and key entries, so that the write lock is held for a moment only."""
    bodies, keys = schema.bodies, schema.keys
    with engine.connect() as connection:
        old = select(bodies.c.batch, func.length(bodies.c.body)).where(bodies.c.retired_at < before)
        batches = _some(connection.execute(old.order_by(bodies.c.batch).limit(RETIRED_PER_TRANSACTION)).all())
        upto = min(upto_filed, compacted_upto(connection))
        learned = select(keys.c.batch, func.length(keys.c.entries)).where(keys.c.batch <= upto)
        filed = _some(connection.execute(learned.order_by(keys.c.batch).limit(RETIRED_PER_TRANSACTION)).all())
    if not batches and not filed:
        return 0
    with turn(engine, folder) as connection:
        if batches:
            gone = bodies.c.batch.in_(batches) & (bodies.c.retired_at < before)
            connection.execute(delete(bodies).where(gone))
        if filed:
            connection.execute(delete(keys).where(keys.c.batch.in_(filed)))
    return len(batches) + len(filed)


def _some(found) -> list[int]:  # type: ignore[no-untyped-def] # rows of (batch, bytes)
    """The first batches whose values come to a few megabytes together, at least one."""
    chosen: dict[int, None] = {}
    total = 0
    for batch, size in found:
        total += size
        if chosen and total > RETIRED_BYTES_PER_TRANSACTION and batch not in chosen:
            break
        chosen[batch] = None
    return list(chosen)


def _delete_segments(engine: Engine, folder: Path, files: SegmentFiles, before: int) -> int:
    """Rows first: a crash between the two leaves files that no row names, which are collected as orphans."""
    segments = schema.segments
    retired = segments.c.retired_at < before
    with engine.connect() as connection:
        names = list(connection.execute(select(segments.c.path).where(retired)).scalars())
    for name in names:
        with turn(engine, folder) as connection:
            connection.execute(delete(segments).where(segments.c.path == name))
        files.delete(name)
    return len(names)
