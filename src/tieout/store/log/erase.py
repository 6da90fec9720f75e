"""Erases personal data: the texts go, what usage is counted by stays, and the chain stands.

Segments that hold the event are written anew without them. One transaction then records the erasure, swaps
the segments' rows and rewrites stored bodies and quarantined bytes; the old files are deleted right after it.
A crash before leaves new files that no row names; one after leaves old ones: erasing again or compaction
collects both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, delete, insert, select, update

from tieout.ingest.reason import Reason
from tieout.kernel.erased import erased_id
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Position
from tieout.ports import SegmentFile
from tieout.ports.review import Copies, Decision, Erased, Kept
from tieout.store.crash import crash_point
from tieout.store.files import locked
from tieout.store.log import schema
from tieout.store.log.compact import WrittenSegment, collect_orphans, segment_row, write_segment
from tieout.store.log.copies import Looking, Traces, traces_of
from tieout.store.log.encoding import decode_body, encode_body
from tieout.store.log.erasures import find_erasure, packed_positions, quarantine_residue
from tieout.store.log.reader import read_segment
from tieout.store.sqlite import begin_immediate, scrub
from tieout.table.canonical import content_digests, identity_keys, lanes
from tieout.table.layout import FIELD_PREFIX, ColumnKind, event_type_of, layout_of, plain_schema

COMPACT_LOCK = "compact.lock"
ERASED_DETAIL = "erased"
NO_KEY = bytes(16)
"""Stands in `erasures` for an item whose identity could not be read."""
NAMED_BY_CONTRACT = frozenset(reason for reason in Reason if 10 <= reason < 40)
"""Reasons whose `field` is a name of the envelope or of a contract, and no stranger's text."""


class DamagedBefore(IntegrityViolation):
    """An event that is not as it was accepted is not erased: the damage would be hidden for ever."""

    code = "damaged-before-erasure"

    def __init__(self, position: Position) -> None:
        super().__init__(
            f"{position} is not as it was accepted; `tieout verify` says how. Nothing was erased."
        )


@dataclass(frozen=True, slots=True)
class _Old:
    """A segment row that holds an event to erase."""

    file: SegmentFile
    path: str
    retired: bool


@dataclass(frozen=True, slots=True)
class _Swap:
    """A segment and what takes its place; None where it was merged into another already."""

    old: _Old
    new: WrittenSegment | None
    rows: tuple[dict[str, object], ...]


def copies(connection: Connection, folder: Path, looking: Looking, position: Position) -> Copies:
    """Where it all is, without changing anything."""
    traces = traces_of(connection, looking, position)
    old = _segments_of(connection, folder, traces.accepted)
    stored = _batches_with_bodies(connection) & {p.batch for p in traces.accepted | traces.repeated}
    return Copies(tuple(each.path for each in old), tuple(sorted(stored)), tuple(sorted(traces.quarantined)))


def erase(
    engine: Engine,
    folder: Path,
    looking: Looking,
    position: Position,
    keep: Kept,
    decision: Decision,
) -> Erased:
    """Erasing what is erased already cleans what came since. Raises `DamagedBefore`."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / COMPACT_LOCK):  # no segment may be replaced or collected meanwhile
        with engine.connect() as connection:
            traces = traces_of(connection, looking, position)
            old = _segments_of(connection, folder, traces.accepted)
            known = {p for p in traces.accepted if find_erasure(connection, p) is not None}
        made = [_swap(each, folder, traces, known, keep, looking.secret) for each in old]
        swaps = [swap for swap in made if swap is not None]
        crash_point("erase-after-files")
        with begin_immediate(engine) as connection:
            connection.execute(select(schema.head.c.batch).with_for_update()).one()
            traces = traces_of(connection, looking, position)  # with what arrived meanwhile
            done = _rewrite(connection, traces, swaps, keep, decision, looking.secret)
            crash_point("erase-before-commit")
        crash_point("erase-after-commit")
        for swap in swaps:
            (folder / swap.old.path).unlink(missing_ok=True)
        collect_orphans(engine, folder, now=decision.decided_at)  # also of an erasure that was killed here
    return Erased(done, scrub(engine, ["bodies", "quarantine"]))


def _batches_with_bodies(connection: Connection) -> set[int]:
    """Those that no segment holds yet, and those whose bodies wait to be deleted: few."""
    return set(connection.execute(select(schema.bodies.c.batch).distinct()).scalars())


def _segments_of(connection: Connection, folder: Path, positions: Iterable[Position]) -> list[_Old]:
    segments = schema.segments
    found: dict[str, _Old] = {}
    for position in positions:
        query = select(segments).where(
            segments.c.first_batch <= position.batch, segments.c.last_batch >= position.batch
        )
        for row in connection.execute(query):
            if row.path not in found:
                file = SegmentFile(
                    path=str(folder / row.path),
                    type=EventType(row.type),
                    contract_version=row.contract_version,
                    first_batch=row.first_batch,
                    last_batch=row.last_batch,
                    rows=row.rows,
                    sha256=row.sha256.hex(),
                )
                old = _Old(file, row.path, row.retired_at is not None)
                if _holds(file, position):
                    found[row.path] = old
    return list(found.values())


def _holds(segment: SegmentFile, position: Position) -> bool:
    rows = read_segment(segment, [("batch", "=", position.batch), ("row", "=", position.row)])
    return bool(rows.num_rows)


def _swap(
    old: _Old, folder: Path, traces: Traces, known: set[Position], keep: Kept, secret: bytes
) -> _Swap | None:
    """The new file is durable when this returns; None where nothing in the segment is left to erase."""
    if old.retired:
        return _Swap(old, None, ())
    table = read_segment(old.file)
    chosen = _chosen(table, traces.accepted - known)
    if not len(chosen):
        return None
    residue = without_texts(table, chosen, traces.keys, keep)
    rows = _erasure_rows(table, residue, chosen, traces.keys, secret)
    return _Swap(old, write_segment(residue, folder, old.file.first_batch, old.file.last_batch), rows)


def _rewrite(
    connection: Connection,
    traces: Traces,
    swaps: list[_Swap],
    keep: Kept,
    decision: Decision,
    secret: bytes,
) -> Copies:
    segments = schema.segments
    told = {"person": decision.person, "reason": decision.reason, "erased_at": decision.decided_at}
    for swap in swaps:
        connection.execute(delete(segments).where(segments.c.path == swap.old.path))
        if swap.new is not None:
            file = swap.old.file
            row = segment_row(swap.new, file.first_batch, file.last_batch, decision.decided_at)
            connection.execute(insert(segments).values(row))
            connection.execute(insert(schema.erasures), [each | told for each in swap.rows])
    bodies = _rewrite_bodies(connection, traces, keep, told, secret)
    quarantined = [p for p in sorted(traces.quarantined) if _empty(connection, p, traces.keys, told)]
    return Copies(tuple(swap.old.path for swap in swaps), tuple(bodies), tuple(quarantined))


def _rewrite_bodies(
    connection: Connection,
    traces: Traces,
    keep: Kept,
    told: Mapping[str, object],
    secret: bytes,
) -> list[int]:
    """Stored bodies hold accepted rows and the rows that repeat or contradict others."""
    bodies, changed = schema.bodies, []
    by_batch: dict[int, set[Position]] = {}
    stored_batches = _batches_with_bodies(connection)
    for position in traces.accepted | traces.repeated:
        if position.batch in stored_batches:
            by_batch.setdefault(position.batch, set()).add(position)
    for batch, positions in sorted(by_batch.items()):
        for stored in connection.execute(select(bodies).where(bodies.c.batch == batch)).all():
            table = decode_body(stored.body, f"the body of batch {batch}")
            table = table.cast(plain_schema(table.schema))
            rows = [position.row for position in positions]
            chosen = np.flatnonzero(np.isin(table.column("row").to_numpy(), rows))
            if not len(chosen):
                continue
            numbered = table.append_column("batch", pa.array(np.full(table.num_rows, batch, np.int64)))
            residue = without_texts(numbered, chosen, traces.keys, keep)
            if residue.equals(numbered):
                continue
            accepted = [p for p in positions & traces.accepted if find_erasure(connection, p) is None]
            own = _chosen(numbered, set(accepted))
            if len(own):
                new = _erasure_rows(numbered, residue, own, traces.keys, secret)
                connection.execute(insert(schema.erasures), [row | told for row in new])
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


def without_texts(
    table: pa.Table, chosen: np.ndarray, keys: Mapping[Position, bytes], keep: Kept
) -> pa.Table:
    """The table with the texts of the chosen rows gone: id, undeclared members, other attributes, and text
    fields that are not kept. `keys` gives each chosen row's identity key.
    """
    mask = np.zeros(table.num_rows, dtype=np.bool_)
    mask[chosen] = True
    gone = pa.array(mask)
    packed = packed_positions(table)
    markers = [None] * table.num_rows
    for place in chosen.tolist():
        position = Position(int(packed[place]) >> 32, int(packed[place]) & 0xFFFF_FFFF)
        markers[place] = erased_id(keys[position])  # type: ignore[call-overload]
    table = _replaced(table, "id", gone, pa.array(markers, pa.string()))
    kept = keep.get(EventType(event_type_of(table.schema)[0]), frozenset())
    for name in ("extras", "attributes"):
        table = _replaced(table, name, gone, pa.scalar("", pa.string()))
    for name, kind in layout_of(table.schema):
        if kind is ColumnKind.STRING and name not in kept:
            # Emptied first: below a null, Arrow keeps the text that was there.
            table = _replaced(table, FIELD_PREFIX + name, gone, pa.scalar("", pa.string()))
            table = _replaced(table, FIELD_PREFIX + name, gone, pa.scalar(None, pa.string()))
    return table


def _replaced(table: pa.Table, name: str, gone: pa.Array, value: pa.Array | pa.Scalar) -> pa.Table:
    place = table.schema.get_field_index(name)
    column = pc.if_else(gone, value, table.column(name).combine_chunks())
    return table.set_column(place, table.schema.field(place), column)


def _erasure_rows(
    table: pa.Table,
    residue: pa.Table,
    chosen: np.ndarray,
    keys: Mapping[Position, bytes],
    secret: bytes,
) -> tuple[dict[str, object], ...]:
    """What is recorded of each chosen row, which must still be what was accepted."""
    before, after = table.take(pa.array(chosen)), residue.take(pa.array(chosen))
    packed = packed_positions(before).tolist()
    positions = [Position(each >> 32, each & 0xFFFF_FFFF) for each in packed]
    own = b"".join(keys[position] for position in positions)
    whole = content_digests(before, own)
    left = content_digests(after, identity_keys(after, secret))
    words = lanes(whole)
    rows = []
    for place, position in enumerate(positions):
        stored = (before.column("lane_a")[place].as_py(), before.column("lane_b")[place].as_py())
        if stored != (int(words[place, 0]), int(words[place, 1])):
            raise DamagedBefore(position)
        rows.append(
            {
                "batch": position.batch,
                "row": position.row,
                "identity_key": own[place * 16 : place * 16 + 16],
                "content_digest": whole[place * 32 : place * 32 + 32],
                "residue_sha256": left[place * 32 : place * 32 + 32],
            }
        )
    return tuple(rows)


def _chosen(table: pa.Table, positions: Iterable[Position]) -> np.ndarray:
    wanted = np.array([p.batch << 32 | p.row for p in positions], dtype=np.int64)
    return np.flatnonzero(np.isin(packed_positions(table), wanted))
