"""Compaction: the bodies of a range of batches become sorted segments, one per event type and contract
version.

Intent row; files, synced; then one transaction inserts the segments and retires the bodies. A crash before
that leaves files that no row names: orphans, collected once their intent has expired. Retired bodies live on
for at least 15 minutes, so that a reader with an older manifest still finds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from tieout.kernel.errors import Unavailable
from tieout.kernel.instant import Instant
from tieout.ports import Maintenance, OrphanSearch, SegmentFiles
from tieout.store.crash import crash_point
from tieout.store.failure import DiskFailed, is_io_failure
from tieout.store.files import leased
from tieout.store.log import schema
from tieout.store.log.reader import bodies_between, compacted_upto, tail_parts
from tieout.store.log.segments.merge import merge_due
from tieout.store.log.segments.named_segments import NamedSegment, insert_segments, name_of
from tieout.store.log.segments.retire import collect_orphans, delete_retired
from tieout.store.log.segments.segment_file import SegmentWriter, in_order, stored_form
from tieout.store.log.turn import turn
from tieout.table.layout import event_type_of

INTENT_MICROSECONDS: Final = 3_600_000_000
ROWS_PER_RANGE_MAX: Final = 2_000_000
ROWS_DUE_MIN: Final = 8_192
PAGES_KEPT: Final = 16_384
"""64 MiB of free pages stay between the quick rounds of a keeper: new bodies take them soon."""


class NotCompacted(Unavailable):
    """Database or segments could not be written. Nothing is lost: the bodies are still there, and the next
    try begins anew.
    """

    code = "not-compacted"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the log could not be compacted ({why}); everything received is stored, and the next ingest "
            "compacts it"
        )


def compact(
    engine: Engine,
    folder: Path,
    files: SegmentFiles,
    *,
    now: Instant,
    upto_filed: int,
    rows_min: int = ROWS_DUE_MIN,
    orphans: OrphanSearch = OrphanSearch.ALWAYS,
) -> Maintenance:
    """Compacts and merges what is due in the home's `folder`, and deletes what was left behind or retired.

    `upto_filed`: the last batch that index run files hold; key entries are retired up to it. Does nothing
    while another process compacts. Raises `NotCompacted` or `SegmentsUnavailable`.
    """
    try:
        with leased(files.lock) as free:
            if not free:
                return Maintenance(busy=True)
            collected = len(collect_orphans(engine, files, now=now)) if orphans is OrphanSearch.ALWAYS else 0
            with _room_named(files):
                compacted = _compact_due(engine, folder, files, now=now, rows_min=rows_min)
                if orphans is OrphanSearch.IF_COMPACTED and compacted:
                    collected = len(collect_orphans(engine, files, now=now))
                kept = PAGES_KEPT if orphans is OrphanSearch.NEVER else 0
                removed = delete_retired(
                    engine, folder, files, now=now, upto_filed=upto_filed, pages_kept=kept
                )
                merged = merge_due(engine, folder, files, now=now)  # last: a damaged segment stops only this
        return Maintenance(compacted=compacted, merged=merged, orphans=collected, removed=removed)
    except DBAPIError as error:
        if is_io_failure(error):
            raise DiskFailed(str(error.orig)) from error
        engine.dispose()
        raise NotCompacted(str(error.orig)) from error


def _compact_due(engine: Engine, folder: Path, files: SegmentFiles, *, now: Instant, rows_min: int) -> int:
    compacted = 0
    while (span := _due(engine, rows_min)) is not None:
        compacted += _compact_range(engine, folder, files, *span, now=now)
    return compacted


@contextmanager
def _room_named(files: SegmentFiles) -> Iterator[None]:
    """A full disk as a refusal; half a file would keep the rest of the room."""
    try:
        yield
    except OSError as error:
        files.discard_drafts()
        raise NotCompacted(error.strerror or str(error)) from error


def _due(engine: Engine, rows_min: int) -> tuple[int, int] | None:
    """The next range of batches to compact, if it holds at least `rows_min` accepted events."""
    batches = schema.batches
    with engine.connect() as connection:
        first = compacted_upto(connection) + 1
        query = select(batches.c.number, batches.c.accepted).where(batches.c.number >= first)
        rows, last = 0, first - 1
        for number, accepted in connection.execute(query.order_by(batches.c.number)):
            if rows + accepted > ROWS_PER_RANGE_MAX and rows:
                break
            rows, last = rows + accepted, number
    return (first, last) if rows >= max(rows_min, 1) else None


def _compact_range(
    engine: Engine, folder: Path, files: SegmentFiles, first: int, last: int, *, now: Instant
) -> int:
    _declare_intent(engine, folder, first, last, now)
    crash_point("compact-after-intent")
    with engine.connect() as connection:
        stored = bodies_between(connection, first, last)
    written = [_write_segment(part.table, files, first, last) for part in tail_parts(stored)]
    crash_point("compact-after-files")
    with turn(engine, folder) as connection:
        insert_segments(connection, written, now)
        bodies = schema.bodies
        connection.execute(update(bodies).where(bodies.c.batch.between(first, last)).values(retired_at=now))
        intents = schema.compactions
        connection.execute(update(intents).where(intents.c.first_batch == first).values(done_at=now))
        crash_point("compact-before-commit")
    crash_point("compact-after-commit")
    return len(written)


def _declare_intent(engine: Engine, folder: Path, first: int, last: int, now: Instant) -> None:
    """The lease on the lock file is ours, so an intent for this range is a dead process's: it is replaced."""
    intents = schema.compactions
    with turn(engine, folder) as connection:
        connection.execute(delete(intents).where(intents.c.first_batch == first, intents.c.done_at.is_(None)))
        values = {
            "first_batch": first,
            "last_batch": last,
            "started_at": now,
            "expires_at": now + INTENT_MICROSECONDS,
        }
        connection.execute(insert(intents).values(values))


def _write_segment(table: pa.Table, files: SegmentFiles, first: int, last: int) -> NamedSegment:
    rows = in_order(stored_form(table))
    draft = files.draft()
    with SegmentWriter(draft, rows.schema) as writer:
        writer.append(rows)
    kind = event_type_of(table.schema)
    name = name_of(*kind, first=first, last=last, sha256=writer.sha256)
    files.put(draft, name)
    return NamedSegment(name, *kind, first, last, writer.rows, writer.bytes, writer.sha256)
