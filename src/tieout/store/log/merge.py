"""Merging: the small segments of adjacent ranges become larger ones, by the protocol of compaction.

Intent row; files, synced; one transaction names the new segments and retires the old. At every moment each
event is in exactly one live segment. Retired files live for 15 minutes more, for readers with an older
manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import Engine, delete, insert, update

from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import Instant
from tieout.ports import SegmentFiles, UnreadableSegment
from tieout.store.crash import crash_point
from tieout.store.log import schema
from tieout.store.log.named_segments import (
    NamedSegment,
    insert_segments,
    live_segments,
    name_of,
    ranges_of,
)
from tieout.store.log.segment_file import SegmentWriter, fingerprint_of, stored_schema
from tieout.store.log.segments.cache import difference
from tieout.store.log.sorted_rows import sorted_rows
from tieout.store.log.tiers import due_merge
from tieout.store.log.turn import turn

INTENT_MICROSECONDS = 3_600_000_000


class MergeLost(IntegrityViolation):
    """What was merged is not what there was, or no longer is: the merge is dropped."""

    code = "merge-lost"

    def __init__(self, first: int, last: int) -> None:
        super().__init__(
            f"merging the segments of batches {first} to {last} did not give the same events; the merge was "
            "dropped, and nothing was changed. `tieout verify` reads them all"
        )


def merge_due(engine: Engine, folder: Path, files: SegmentFiles, *, now: Instant) -> int:
    """Merges until none is due; returns how many segments it wrote. The lease is ours."""
    written = 0
    while True:
        with engine.connect() as connection:
            live = live_segments(connection)
        chosen = due_merge(ranges_of(live))
        if not chosen:
            return written
        first, last = chosen[0].first, chosen[-1].last
        old = [segment for segment in live if first <= segment.first_batch and segment.last_batch <= last]
        written += _merge(engine, folder, files, old, first=first, last=last, now=now)


def _merge(
    engine: Engine,
    folder: Path,
    files: SegmentFiles,
    old: Sequence[NamedSegment],
    *,
    first: int,
    last: int,
    now: Instant,
) -> int:
    merges, segments = schema.merges, schema.segments
    with turn(engine, folder) as connection:  # an intent that is there is a dead process's: the lease is ours
        connection.execute(delete(merges))
        intent = {"first_batch": first, "last_batch": last, "expires_at": now + INTENT_MICROSECONDS}
        connection.execute(insert(merges).values(started_at=now, **intent))
    crash_point("merge-after-intent")
    new = [
        _merged(files, list(group), first=first, last=last)
        for _, group in groupby(sorted(old, key=_kind), key=_kind)
    ]
    crash_point("merge-after-files")
    with turn(engine, folder) as connection:
        names = [segment.name for segment in old]
        live = segments.c.path.in_(names) & segments.c.retired_at.is_(None)
        retired = connection.execute(update(segments).where(live).values(retired_at=now))
        if retired.rowcount != len(names):
            raise MergeLost(first, last)
        insert_segments(connection, new, now)
        connection.execute(delete(merges))
        crash_point("merge-before-commit")
    crash_point("merge-after-commit")
    return len(new)


def _kind(segment: NamedSegment) -> tuple[str, int]:
    return segment.type, segment.contract_version


def _merged(files: SegmentFiles, old: Sequence[NamedSegment], *, first: int, last: int) -> NamedSegment:
    """One segment of all these, which are of one type and contract version. Raises `UnreadableSegment`: what
    is damaged is never written again under a new digest.
    """
    paths = [whole_segment(files, segment) for segment in old]
    schema_now = stored_schema(pq.read_schema(paths[0]))
    draft = files.draft()
    with SegmentWriter(draft, schema_now) as writer:
        for piece in sorted_rows(paths, schema_now):
            writer.append(piece)
    if fingerprint_of([str(draft)]) != fingerprint_of(paths):
        draft.unlink()
        raise MergeLost(first, last)
    kind = (old[0].type, old[0].contract_version)
    name = name_of(*kind, first=first, last=last, sha256=writer.sha256)
    files.put(draft, name)
    return NamedSegment(name, *kind, first, last, writer.rows, writer.bytes, writer.sha256)


def whole_segment(files: SegmentFiles, segment: NamedSegment) -> str:
    path = files.local_path(segment.name, bytes_count=segment.bytes, sha256=segment.sha256)
    try:
        why = difference(Path(path), bytes_count=segment.bytes, sha256=segment.sha256)
    except FileNotFoundError:
        why = "it is missing"
    if why is not None:
        raise UnreadableSegment(path, why)
    return path
