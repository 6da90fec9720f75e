"""Compaction: the bodies of a range of batches become sorted Parquet segments, one per event type and
contract version.

Intent row; files, synced; then one transaction inserts the segments and retires the bodies. A crash before
that leaves files that no row names: orphans, collected once their intent has expired. Retired bodies live on
for at least 15 minutes, so that a reader with an older manifest still finds them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from tieout.kernel.errors import Unavailable
from tieout.kernel.instant import Instant
from tieout.store.crash import crash_point
from tieout.store.files import leased, write_durably
from tieout.store.log import schema
from tieout.store.log.reader import bodies_between, compacted_upto, tail_parts
from tieout.store.log.unfinished import remove_unfinished
from tieout.store.sqlite import begin_immediate, give_room_back
from tieout.table.layout import event_type_of

INTENT_MICROSECONDS: Final = 3_600_000_000
RETIRED_MICROSECONDS: Final = 15 * 60_000_000
ROWS_PER_SEGMENT_MAX: Final = 2_000_000
ROWS_PER_GROUP: Final = 131_072
ROWS_DUE_MIN: Final = 8_192
RETIRED_PER_TRANSACTION: Final = 16
ORDER: Final = [("subject", "ascending"), ("time", "ascending"), ("batch", "ascending"), ("row", "ascending")]


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


@dataclass(frozen=True, slots=True)
class WrittenSegment:
    """A durable segment file that no row names yet. `path` is relative to the segments folder."""

    path: str
    type: str
    contract_version: int
    rows: int
    bytes: int
    sha256: bytes


def compact(
    engine: Engine, folder: Path, *, now: Instant, upto_filed: int, rows_min: int = ROWS_DUE_MIN
) -> int:
    """Compacts what is due and collects what was left behind; returns how many segments it wrote.

    `upto_filed`: the last batch that index run files hold; key entries are retired up to it. Does nothing
    while another process compacts. Raises `NotCompacted`.
    """
    try:
        return _compact(engine, folder, now=now, upto_filed=upto_filed, rows_min=rows_min)
    except DBAPIError as error:
        engine.dispose()
        raise NotCompacted(str(error.orig)) from error


def _compact(engine: Engine, folder: Path, *, now: Instant, upto_filed: int, rows_min: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with leased(folder / "compact.lock") as free:
        if not free:
            return 0
        collect_orphans(engine, folder, now=now)
        try:
            while (span := _due(engine, rows_min)) is not None:
                written += _compact_range(engine, folder, *span, now=now)
        except OSError as error:
            remove_unfinished(folder)  # on a full disk, half a file would keep the rest of it
            raise NotCompacted(error.strerror or str(error)) from error
        _delete_retired(engine, now=now, upto_filed=upto_filed)
    return written


def collect_orphans(engine: Engine, folder: Path, *, now: Instant) -> list[str]:
    """Deletes files of expired intents that no segment row names, and files that a killed process wrote only
    in part; returns their names. The lease is ours, so nobody else is writing.
    """
    orphans: list[Path] = []
    with engine.connect() as connection:
        intents = schema.compactions
        live = intents.c.done_at.is_(None) & (intents.c.expires_at > now)
        if not connection.execute(select(func.count()).select_from(intents).where(live)).scalar():
            named = set(connection.execute(select(schema.segments.c.path)).scalars())
            complete = sorted(folder.rglob("*.parquet"))
            orphans = [path for path in complete if str(path.relative_to(folder)) not in named]
    for path in orphans:
        path.unlink()
    return [str(path.relative_to(folder)) for path in [*remove_unfinished(folder), *orphans]]


def _due(engine: Engine, rows_min: int) -> tuple[int, int] | None:
    """The next range of batches to compact, if it holds at least `rows_min` accepted events."""
    batches = schema.batches
    with engine.connect() as connection:
        first = compacted_upto(connection) + 1
        query = select(batches.c.number, batches.c.accepted).where(batches.c.number >= first)
        rows, last = 0, first - 1
        for number, accepted in connection.execute(query.order_by(batches.c.number)):
            if rows + accepted > ROWS_PER_SEGMENT_MAX and rows:
                break
            rows, last = rows + accepted, number
    return (first, last) if rows >= max(rows_min, 1) else None


def _compact_range(engine: Engine, folder: Path, first: int, last: int, *, now: Instant) -> int:
    _declare_intent(engine, first, last, now)
    crash_point("compact-after-intent")
    with engine.connect() as connection:
        stored = bodies_between(connection, first, last)
    written = [write_segment(part.table, folder, first, last) for part in tail_parts(stored)]
    crash_point("compact-after-files")
    with begin_immediate(engine) as connection:
        for segment in written:
            connection.execute(insert(schema.segments).values(segment_row(segment, first, last, now)))
        bodies = schema.bodies
        connection.execute(update(bodies).where(bodies.c.batch.between(first, last)).values(retired_at=now))
        intents = schema.compactions
        connection.execute(update(intents).where(intents.c.first_batch == first).values(done_at=now))
        crash_point("compact-before-commit")
    crash_point("compact-after-commit")
    return len(written)


def _declare_intent(engine: Engine, first: int, last: int, now: Instant) -> None:
    """The lease on the lock file is ours, so an intent for this range is a dead process's: it is replaced."""
    intents = schema.compactions
    with begin_immediate(engine) as connection:
        connection.execute(delete(intents).where(intents.c.first_batch == first, intents.c.done_at.is_(None)))
        values = {
            "first_batch": first,
            "last_batch": last,
            "started_at": now,
            "expires_at": now + INTENT_MICROSECONDS,
        }
        connection.execute(insert(intents).values(values))


def write_segment(table: pa.Table, folder: Path, first: int, last: int) -> WrittenSegment:
    event_type, version = event_type_of(table.schema)
    sink = pa.BufferOutputStream()
    texts = [
        column.name for column in table.schema if pa.types.is_string(column.type) and column.name != "id"
    ]
    pq.write_table(
        table.sort_by(ORDER),
        sink,
        compression="zstd",
        use_dictionary=texts,
        column_encoding={"id": "PLAIN", "time": "DELTA_BINARY_PACKED"},
        row_group_size=ROWS_PER_GROUP,
        write_statistics=True,
        store_schema=True,
        write_page_checksum=True,
    )
    content = sink.getvalue()
    sha256 = hashlib.sha256(content)
    place = folder / quote(event_type, safe="") / f"v{version}"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{first:012}-{last:012}-{sha256.hexdigest()[:12]}.parquet"
    write_durably(path, content)
    relative = str(path.relative_to(folder))
    return WrittenSegment(relative, event_type, version, table.num_rows, len(content), sha256.digest())


def segment_row(segment: WrittenSegment, first: int, last: int, now: Instant) -> dict[str, object]:
    return {
        "path": segment.path,
        "type": segment.type,
        "contract_version": segment.contract_version,
        "first_batch": first,
        "last_batch": last,
        "rows": segment.rows,
        "bytes": segment.bytes,
        "sha256": segment.sha256,
        "created_at": now,
    }


def _delete_retired(engine: Engine, *, now: Instant, upto_filed: int) -> None:
    """Deletes bodies retired long enough, and the key entries of batches that segments and run files both
    hold.
    """
    while True:
        with begin_immediate(engine) as connection:
            removed = _delete_some(connection, now - RETIRED_MICROSECONDS, upto_filed)
        if not removed:
            break
    give_room_back(engine)


def _delete_some(connection: Connection, before: int, upto_filed: int) -> int:
    bodies, keys = schema.bodies, schema.keys
    old = select(bodies.c.batch).where(bodies.c.retired_at < before).distinct().limit(RETIRED_PER_TRANSACTION)
    batches = list(connection.execute(old).scalars())
    if batches:
        connection.execute(delete(bodies).where(bodies.c.batch.in_(batches)))
    upto = min(upto_filed, compacted_upto(connection))
    learned = select(keys.c.batch).where(keys.c.batch <= upto).limit(RETIRED_PER_TRANSACTION)
    filed = list(connection.execute(learned).scalars())
    if filed:
        connection.execute(delete(keys).where(keys.c.batch.in_(filed)))
    return len(batches) + len(filed)
