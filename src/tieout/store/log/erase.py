"""Erases personal data: the texts go, what usage is counted by stays, and the chain stands.

Segments that hold the event are written anew without them. One transaction then records the erasure, swaps
the segments' rows and rewrites stored bodies and quarantined bytes; the old files are deleted right after it.
A crash before leaves new files that no row names; one after leaves old ones: erasing again or compaction
collects both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, delete, insert, select, update

from tieout.contract.retraction import RETRACTION_TYPE
from tieout.evidence.witness import Erasure
from tieout.ingest.reason import Reason
from tieout.kernel.erased import erased_id
from tieout.kernel.ids import Position
from tieout.ports import SegmentFiles, UnreadableSegment
from tieout.ports.review import Copies, Decision, Erased, Kept
from tieout.store.crash import crash_point
from tieout.store.files import locked
from tieout.store.log import schema
from tieout.store.log.copies import Looking, Traces, traces_of
from tieout.store.log.encoding import decode_body, encode_body
from tieout.store.log.erase_receipts import HTTP_ORIGIN, empty_receipts
from tieout.store.log.erasures import find_erasure, quarantine_residue
from tieout.store.log.merge import whole_segment
from tieout.store.log.named_segments import (
    NamedSegment,
    insert_segments,
    live_segments,
    name_of,
    retired_segments,
)
from tieout.store.log.residue import Residues, Row
from tieout.store.log.retire import collect_orphans
from tieout.store.log.segment_file import (
    ROWS_PER_GROUP,
    SegmentWriter,
    batches_of_rows,
    in_order,
    read_row_at,
    read_segment_rows,
    stored_form,
    stored_schema,
)
from tieout.store.log.turn import turn_among_commits, turn_lock
from tieout.store.sqlite import scrub
from tieout.table.layout import plain_schema
from tieout.table.packed import unpacked

ERASED_DETAIL = "erased"
NO_KEY = bytes(16)
"""Stands in `erasures` for an item whose identity could not be read."""
NAMED_BY_CONTRACT = frozenset(reason for reason in Reason if 10 <= reason < 40 or reason >= 60)
"""Reasons whose `field` is a name of the envelope or of a contract, and no stranger's text."""


@dataclass(frozen=True, slots=True)
class Place:
    """The log of the home in `folder`: its database, and where its segments lie."""

    engine: Engine
    folder: Path
    files: SegmentFiles


@dataclass(frozen=True, slots=True)
class _Old:
    """A segment row that holds an event to erase. One that was merged away is not read any more."""

    segment: NamedSegment
    retired: bool


@dataclass(frozen=True, slots=True)
class _Swap:
    """A segment and what takes its place; None where it was merged into another already."""

    old: _Old
    new: NamedSegment | None
    rows: tuple[Row, ...]


def copies(connection: Connection, files: SegmentFiles, looking: Looking, position: Position) -> Copies:
    """Where it all is, without changing anything."""
    traces = traces_of(connection, looking, position)
    old = _segments_of(connection, files, traces.accepted)
    stored = _batches_with_bodies(connection) & {p.batch for p in traces.accepted | traces.repeated}
    names = tuple(each.segment.name for each in old)
    return Copies(names, tuple(sorted(stored)), tuple(sorted(traces.quarantined)))


def erase(place: Place, looking: Looking, position: Position, keep: Kept, decision: Decision) -> Erased:
    """Erasing what is erased already cleans what came since. Raises `DamagedBefore`, and `UnreadableSegment`
    for a segment that is not as it was written.
    """
    engine, files = place.engine, place.files
    with locked(files.lock):  # no segment may be merged, replaced or collected meanwhile
        with engine.connect() as connection:
            traces = traces_of(connection, looking, position)
            old = _segments_of(connection, files, traces.accepted)
            residues = Residues(traces, _known(connection, traces), keep, looking.secret)
        made = [_swap(each, files, residues) for each in old]
        swaps = [swap for swap in made if swap is not None]
        crash_point("erase-after-files")
        with turn_among_commits(engine, place.folder) as connection:
            traces = traces_of(connection, looking, position)  # with what arrived meanwhile
            residues = Residues(traces, _known(connection, traces), keep, looking.secret)
            done = _rewrite(connection, residues, swaps, decision)
            crash_point("erase-before-commit")
        crash_point("erase-after-commit")
        for swap in swaps:
            files.delete(swap.old.segment.name)
        collect_orphans(engine, files, now=decision.decided_at)  # also of an erasure that was killed here
        with turn_lock(engine, place.folder):
            clean = scrub(engine, ["bodies", "quarantine", "receipts"])
    return Erased(done, clean)


def _known(connection: Connection, traces: Traces) -> dict[Position, Erasure]:
    """Those of the accepted events that were erased before."""
    found = ((position, find_erasure(connection, position)) for position in traces.accepted)
    return {position: erasure for position, erasure in found if erasure is not None}


def _batches_with_bodies(connection: Connection) -> set[int]:
    """Those that no segment holds yet, and those whose bodies wait to be deleted: few."""
    return set(connection.execute(select(schema.bodies.c.batch).distinct()).scalars())


def _segments_of(connection: Connection, files: SegmentFiles, positions: Iterable[Position]) -> list[_Old]:
    every = [_Old(segment, retired=False) for segment in live_segments(connection)]
    every += [_Old(segment, retired=True) for segment in retired_segments(connection)]
    wanted = sorted(positions)
    return [old for old in every if any(_holds(files, old, position) for position in wanted)]


def _holds(files: SegmentFiles, old: _Old, position: Position) -> bool:
    segment = old.segment
    if not segment.first_batch <= position.batch <= segment.last_batch:
        return False
    try:
        path = files.local_path(segment.name, bytes_count=segment.bytes, sha256=segment.sha256)
        return bool(read_row_at(path, batch=position.batch, row=position.row).num_rows)
    except UnreadableSegment:
        if old.retired:
            return True  # nobody needs it: it goes whole
        raise


def _swap(old: _Old, files: SegmentFiles, residues: Residues) -> _Swap | None:
    """The new file is durable when this returns; None where nothing in the segment is left to erase."""
    if old.retired:
        return _Swap(old, None, ())
    segment, changed = old.segment, False
    rows: list[Row] = []
    path = whole_segment(files, segment)
    stored = stored_schema(pq.read_schema(path))
    draft = files.draft()
    with SegmentWriter(draft, stored) as writer:
        for table in _pieces(path, segment):
            residue, own = residues.of(table)
            rows += own
            changed = changed or not residue.equals(table)
            left = stored_form(residue)
            writer.append(in_order(left) if segment.type == RETRACTION_TYPE else left)
    if not changed:
        draft.unlink()
        return None
    kind = (segment.type, segment.contract_version)
    first, last = segment.first_batch, segment.last_batch
    name = name_of(*kind, first=first, last=last, sha256=writer.sha256)
    files.put(draft, name)
    new = NamedSegment(name, *kind, first, last, writer.rows, writer.bytes, writer.sha256)
    return _Swap(old, new, tuple(rows))


def _pieces(path: str, segment: NamedSegment) -> Iterator[pa.Table]:
    """Retractions come all together: rows are sorted by subject, and theirs may change."""
    if segment.type == RETRACTION_TYPE:
        yield read_segment_rows(path)
        return
    for piece in batches_of_rows(path, rows=ROWS_PER_GROUP):
        yield unpacked(piece)


def _rewrite(
    connection: Connection, residues: Residues, swaps: Sequence[_Swap], decision: Decision
) -> Copies:
    segments = schema.segments
    told = {"person": decision.person, "reason": decision.reason, "erased_at": decision.decided_at}
    for swap in swaps:
        connection.execute(delete(segments).where(segments.c.path == swap.old.segment.name))
        if swap.new is not None:
            insert_segments(connection, [swap.new], decision.decided_at)
            _record(connection, swap.rows, told)
    bodies = _rewrite_bodies(connection, residues, told)
    traces = residues.traces
    quarantined = [p for p in sorted(traces.quarantined) if _empty(connection, p, traces.keys, told)]
    return Copies(tuple(swap.old.segment.name for swap in swaps), tuple(bodies), tuple(quarantined))


def _record(connection: Connection, rows: Iterable[Row], told: Mapping[str, object]) -> None:
    """What was erased before keeps who erased it; only what remains of it is another."""
    erasures = schema.erasures
    for row in rows:
        here = (erasures.c.batch == row["batch"]) & (erasures.c.row == row["row"])
        values = {"residue_sha256": row["residue_sha256"]}
        if not connection.execute(update(erasures).where(here).values(values)).rowcount:
            connection.execute(insert(erasures).values(row | told))


def _rewrite_bodies(connection: Connection, residues: Residues, told: Mapping[str, object]) -> list[int]:
    """Stored bodies hold accepted rows and the rows that repeat or contradict others."""
    bodies, changed = schema.bodies, []
    traces = residues.traces
    batches = {position.batch for position in traces.accepted | traces.repeated}
    for batch in sorted(batches & _batches_with_bodies(connection)):
        for stored in connection.execute(select(bodies).where(bodies.c.batch == batch)).all():
            table = decode_body(stored.body, f"the body of batch {batch}")
            plain = table.cast(plain_schema(table.schema))
            numbered = plain.append_column("batch", pa.array(np.full(table.num_rows, batch, np.int64)))
            residue, own = residues.of(numbered)
            if residue.equals(numbered):
                continue
            _record(connection, own, told)
            body = encode_body(residue.drop_columns(["batch"]).cast(table.schema))
            same = (bodies.c.type == stored.type) & (bodies.c.contract_version == stored.contract_version)
            values = {"body": body, "sha256": hashlib.sha256(body).digest()}
            connection.execute(update(bodies).where(bodies.c.batch == batch, same).values(values))
            changed.append(batch)
    return changed


def _empty(
    connection: Connection, position: Position, keys: Mapping[Position, bytes], told: Mapping[str, object]
) -> bool:
    """Whether the quarantined item still had its bytes; now it has none."""
    if find_erasure(connection, position) is not None:
        return False
    quarantine = schema.quarantine
    own = (quarantine.c.batch == position.batch) & (quarantine.c.row == position.row)
    row = connection.execute(select(quarantine).where(own)).one()
    key = keys.get(position, NO_KEY)
    field = row.field if Reason(row.reason) in NAMED_BY_CONTRACT else None
    marker = None if row.event_id is None else erased_id(key)
    values = {"raw": b"", "detail": ERASED_DETAIL, "event_id": marker, "field": field}
    connection.execute(update(quarantine).where(own).values(values))
    if row.origin.startswith(HTTP_ORIGIN):
        empty_receipts(connection, position, field=field, detail=ERASED_DETAIL)
    left = connection.execute(select(quarantine).where(own)).one()
    new = {
        "batch": position.batch,
        "row": position.row,
        "identity_key": key,
        "content_digest": hashlib.sha256(row.raw).digest(),
        "residue_sha256": quarantine_residue(left),
    }
    connection.execute(insert(schema.erasures).values(new | told))
    return True
