"""The accepted rows of a range of batches, digested again from what is stored, and sorted back into batches.

A segment holds rows of many batches, sorted by customer. It is read a piece at a time; of each row only its
position, digest and key stay (60 bytes), until the range is done. Large segments are digested by several
processes, since one alone would keep one core busy and the disk waiting.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Engine, select

from tieout.evidence.witness import Erasure
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import Position
from tieout.ports import SegmentFiles
from tieout.store.log import reader, schema
from tieout.store.log.erasures import erasures_between
from tieout.store.log.named_segments import NamedSegment, live_segments
from tieout.store.log.segments.cache import difference, digest_of
from tieout.store.log.verifying import Rows, Verifying
from tieout.table.canonical import content_digests, identity_keys, lanes
from tieout.table.layout import event_type_of
from tieout.table.packed import unpacked

BATCHES_AT_ONCE: Final = 16
PROCESSES_MAX: Final = 4
ROWS_WORTH_PROCESSES: Final = 262_144


@dataclass(frozen=True, slots=True)
class Digested:
    """Rows in any order: batch (n,), received row (n,), digests (n * 32 bytes), keys (n * 16 bytes).

    And the places of those that do not match the lanes stored beside them (k,), these lanes (k, 2), and
    whether they have attributes (k,).
    """

    batch: np.ndarray
    row: np.ndarray
    digests: bytes
    keys: bytes
    wrong: np.ndarray
    wrong_lanes: np.ndarray
    wrong_attributed: np.ndarray


def digested(table: pa.Table, secret: bytes) -> Digested:
    """Digests and keys of these rows, from their content."""
    keys = identity_keys(table, secret)
    digests = content_digests(table, keys)
    stored = np.column_stack([table.column(name).to_numpy() for name in ("lane_a", "lane_b")])
    wrong = np.flatnonzero((stored != lanes(digests)[:, :2]).any(axis=1))
    attributed = pc.not_equal(table.column("attributes").take(pa.array(wrong)), "")
    batch, row = table.column("batch").to_numpy(), table.column("row").to_numpy()
    return Digested(batch, row, digests, keys, wrong, stored[wrong], attributed.to_numpy())


def digested_group(path: str, group: int, secret: bytes) -> Digested:
    """The rows of one row group of a segment."""
    return digested(unpacked(pq.ParquetFile(path).read_row_group(group, use_threads=False)), secret)


class Digesting:
    """Digests the row groups of segments, large ones in processes of their own. A context manager."""

    def __init__(self, secret: bytes, *, processes: int | None = None) -> None:
        self._secret = secret
        self._processes = min(os.cpu_count() or 1, PROCESSES_MAX) if processes is None else processes
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Digesting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def groups(self, path: Path, count: int, rows: int) -> Iterator[Digested]:
        """All row groups of a segment, in their order."""
        if self._processes < 2 or rows < ROWS_WORTH_PROCESSES:
            yield from (digested_group(str(path), group, self._secret) for group in range(count))
            return
        under_way: deque[Future[Digested]] = deque()
        done = 0
        try:
            for group in range(count):
                under_way.append(self._started().submit(digested_group, str(path), group, self._secret))
                if len(under_way) > self._processes:
                    yield under_way[0].result()
                    under_way.popleft()
                    done += 1
            while under_way:
                yield under_way[0].result()
                under_way.popleft()
                done += 1
        except BrokenProcessPool:  # one was killed, for memory perhaps: the rest is done here
            self._processes, self._pool = 1, None
            yield from (digested_group(str(path), group, self._secret) for group in range(done, count))

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            method = "fork" if threading.active_count() == 1 else "forkserver"
            context = multiprocessing.get_context(method)
            self._pool = ProcessPoolExecutor(self._processes, context, initializer=_start)
        return self._pool


def _start() -> None:
    pa.set_cpu_count(1)


def rows_of_segments(
    engine: Engine,
    files: SegmentFiles,
    segments: Sequence[NamedSegment],
    digesting: Digesting,
    state: Verifying,
    *,
    first: int,
    last: int,
) -> dict[int, Rows]:
    """The rows of batches `first` to `last` in one range's segments, by batch. What is damaged is reported,
    and left out. A range may begin before `first`: it was merged meanwhile, and those batches are done.
    """
    state.segments += len(segments)
    parts = [
        part
        for segment in segments
        if (whole := _segment_parts(engine, files, segment, digesting, state)) is not None
        for part in whole
    ]
    return by_batch([_within(part, first, last) for part in parts], state)


def rows_of_bodies(engine: Engine, first: int, last: int, secret: bytes, state: Verifying) -> dict[int, Rows]:
    """The rows of bodies that no segment holds, by batch."""
    parts: list[Digested] = []
    with engine.connect() as connection:
        stored = reader.bodies_between(connection, first, last)
    for body in stored:
        if not _is_body_whole(body, state):
            continue
        try:
            part = digested(reader.accepted_rows(body), secret)
        except (IntegrityViolation, ValueError, KeyError) as error:
            state.report("body", f"batch {body.batch}", str(error))
            continue
        parts.append(_as_chained(engine, part, state))
    return by_batch(parts, state)


def check_retired_bodies(engine: Engine, first: int, last: int, state: Verifying) -> None:
    """Bodies that segments hold by now, and that wait to be deleted, are as they were written too."""
    bodies = schema.bodies
    following = first
    while following <= last:
        until = min(following + BATCHES_AT_ONCE - 1, last)
        with engine.connect() as connection:
            present = select(bodies.c.batch).where(bodies.c.batch.between(following, last))
            nearest = connection.execute(present.order_by(bodies.c.batch).limit(1)).scalar()
            if nearest is None:
                return
            following = max(following, int(nearest))
            until = min(following + BATCHES_AT_ONCE - 1, last)
            stored = reader.bodies_between(connection, following, until)
        for body in stored:
            _is_body_whole(body, state)
        following = until + 1


def check_retired_segments(
    engine: Engine, files: SegmentFiles, retired: Sequence[NamedSegment], state: Verifying
) -> None:
    """Segments that were merged and wait to be deleted: a reader with an older manifest may read them."""
    for segment in retired:
        with_problem = _damage(engine, files, segment)
        if with_problem is not None:
            state.report("segment", segment.name, with_problem)


def by_batch(parts: Sequence[Digested], state: Verifying) -> dict[int, Rows]:
    """The rows of all parts, by batch and in row order."""
    if not parts:
        return {}
    batch = np.concatenate([part.batch for part in parts])
    row = np.concatenate([part.row for part in parts])
    order = np.lexsort((row, batch))
    digests = np.frombuffer(b"".join([part.digests for part in parts]), np.uint8).reshape(-1, 32)[order]
    keys = np.frombuffer(b"".join([part.keys for part in parts]), "<u8").reshape(-1, 2)[order]
    row, batch = row[order], batch[order]
    state.census.add(batch=batch, row=row, keys=keys, digests=digests)
    numbers, starts = np.unique(batch, return_index=True)
    ends = [*starts[1:].tolist(), len(batch)]
    return {
        int(number): Rows(row[start:end], digests[start:end], keys[start:end])
        for number, start, end in zip(numbers, starts.tolist(), ends, strict=True)
    }


def _within(part: Digested, first: int, last: int) -> Digested:
    """The rows of these batches only."""
    inside = (part.batch >= first) & (part.batch <= last)
    if inside.all():
        return part
    digests = np.frombuffer(part.digests, np.uint8).reshape(-1, 32)[inside].tobytes()
    keys = np.frombuffer(part.keys, np.uint8).reshape(-1, 16)[inside].tobytes()
    return replace(part, batch=part.batch[inside], row=part.row[inside], digests=digests, keys=keys)


def _as_chained(engine: Engine, part: Digested, state: Verifying) -> Digested:
    """With the keys and digests that erased events had; what does not match its stored digest is reported."""
    if not len(part.batch):
        return part
    with engine.connect() as connection:
        erased = erasures_between(connection, int(part.batch.min()), int(part.batch.max()))
    _report_whole(part, erased, state)
    keys, digests = bytearray(part.keys), bytearray(part.digests)
    wrong: list[Position] = []
    for place, told, attributed in zip(
        part.wrong.tolist(), part.wrong_lanes, part.wrong_attributed, strict=True
    ):
        position = Position(int(part.batch[place]), int(part.row[place]))
        known = erased.get(position)
        if known is None or lanes(known.content_digest)[0, :2].tolist() != told.tolist():
            wrong.append(position)
            continue
        own = slice(place * 32, (place + 1) * 32)
        if part.digests[own] != known.residue_sha256 or attributed:
            state.report("erasure", str(position), "what remains of the event is not what was left of it")
        digests[own], keys[place * 16 : (place + 1) * 16] = known.content_digest, known.identity_key
    if wrong:
        detail = f"its content does not match its stored digest ({len(wrong)} in all)"
        state.report("event", str(wrong[0]), detail)
    nothing = part.wrong[:0]
    told = {"wrong": nothing, "wrong_lanes": part.wrong_lanes[:0], "wrong_attributed": nothing.astype(bool)}
    return replace(part, keys=bytes(keys), digests=bytes(digests), **told)


def _report_whole(part: Digested, erased: Mapping[Position, Erasure], state: Verifying) -> None:
    """An erased event that is here as it was: the erasure did not reach this copy."""
    if not erased:
        return
    known = np.array([position.batch << 32 | position.row for position in erased], dtype=np.int64)
    packed = part.batch.astype(np.int64) << 32 | part.row
    is_whole = np.isin(packed, known)
    is_whole[part.wrong] = False
    for place in np.flatnonzero(is_whole).tolist():
        position = Position(int(part.batch[place]), int(part.row[place]))
        state.report("erasure", str(position), "what remains of the event is not what was left of it")


def _segment_parts(
    engine: Engine, files: SegmentFiles, segment: NamedSegment, digesting: Digesting, state: Verifying
) -> list[Digested] | None:
    try:
        with files.stored(segment.name) as path:
            why = difference(path, bytes_count=segment.bytes, sha256=segment.sha256)
            if why is not None:
                state.report("segment", segment.name, f"its bytes are not those that were written: {why}")
                if digest_of(path) != segment.sha256:
                    return None
            file = pq.ParquetFile(path)
            if file.metadata.num_rows != segment.rows:
                counts = f"{file.metadata.num_rows} rows, {segment.rows} were written"
                state.report("segment", segment.name, counts)
            if event_type_of(file.schema_arrow) != (segment.type, segment.contract_version):
                state.report(
                    "segment", segment.name, "it is listed under another event type or contract version"
                )
            parts = list(digesting.groups(path, file.metadata.num_row_groups, file.metadata.num_rows))
    except FileNotFoundError:
        successor = _successor(engine, segment)
        if successor is not None:
            return _segment_parts(engine, files, successor, digesting, state)
        if _is_named(engine, segment):
            state.report("segment", segment.name, "it is missing")
        return None
    except (IntegrityViolation, pa.ArrowException, OSError, ValueError, KeyError) as error:
        state.report("segment", segment.name, str(error))
        return None
    return [_as_chained(engine, part, state) for part in parts]


def _damage(engine: Engine, files: SegmentFiles, segment: NamedSegment) -> str | None:
    try:
        with files.stored(segment.name) as path:
            return difference(path, bytes_count=segment.bytes, sha256=segment.sha256)
    except FileNotFoundError:
        return "it is missing" if _is_named(engine, segment) else None
    except OSError as error:
        return str(error)


def _successor(engine: Engine, segment: NamedSegment) -> NamedSegment | None:
    """What an erasure has put in the place of a segment."""
    with engine.connect() as connection:
        live = live_segments(connection)
    kind = (segment.type, segment.contract_version, segment.first_batch, segment.last_batch)
    for other in live:
        same = (other.type, other.contract_version, other.first_batch, other.last_batch) == kind
        if same and other.name != segment.name:
            return other
    return None


def _is_named(engine: Engine, segment: NamedSegment) -> bool:
    """A keeper deletes the row before the file: one that is gone from both was deleted meanwhile."""
    segments = schema.segments
    with engine.connect() as connection:
        query = select(segments.c.path).where(segments.c.path == segment.name)
        return connection.execute(query).scalar() is not None


def _is_body_whole(body: reader.BatchBody, state: Verifying) -> bool:
    if hashlib.sha256(body.body).digest() == body.sha256:
        return True
    state.report("body", f"batch {body.batch}", "its bytes are not those that were written")
    return False
