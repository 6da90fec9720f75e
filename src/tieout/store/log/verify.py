"""Checks everything the log stores against what was chained: one streaming pass, every finding named.

Each range of batches is read once, from its segments or bodies. Content digests are computed again from the
rows; batch digests from them and the dispositions; the chain from the batch digests. Nothing derived is
trusted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.exc import DatabaseError

from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.batch_digest import GENESIS_DIGEST, batch_digest
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.ports import LogFinding, LogVerification, SegmentFile
from tieout.store.log import erasures, reader, schema
from tieout.store.log.chain import fates
from tieout.store.log.encoding import decode_dispositions, decode_keys
from tieout.store.log.index.run import DamagedRun, batches_of, is_as_written
from tieout.store.log.verify_decisions import verify_decisions
from tieout.table.canonical import content_digests, identity_keys, lanes
from tieout.table.layout import event_type_of

TAIL_BATCHES_AT_ONCE = 16
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rows:
    """The accepted rows of one batch: received rows (n,), recomputed content digests (n, 32) and identity
    keys (n, 2) as words.
    """

    rows: np.ndarray
    digests: np.ndarray
    keys: np.ndarray


NO_ROWS = Rows(np.empty(0, np.int32), np.empty((0, 32), np.uint8), np.empty((0, 2), np.uint64))


@dataclass(slots=True)
class Verifying:
    """What the pass has seen so far."""

    findings: list[LogFinding] = field(default_factory=list)
    batches: int = 0
    received: int = 0
    accepted: int = 0
    segments: int = 0
    previous: bytes = GENESIS_DIGEST
    seen: list[np.ndarray] = field(default_factory=list)

    def report(self, what: str, where: str, detail: str) -> None:
        self.findings.append(LogFinding(what, where, detail))


def verify_log(
    engine: Engine, folder: Path, index_folder: Path, secret: bytes, progress: Progress | None
) -> LogVerification:
    """Findings are collected, never raised: one damaged place must not hide another."""
    state = Verifying()
    head_digest = GENESIS_DIGEST
    try:
        with engine.connect() as connection:
            head = connection.execute(select(schema.head.c.batch, schema.head.c.digest)).one()
            head_digest = head.digest
            for first, last in _ranges(connection, head.batch, state):
                accepted = _accepted_rows(connection, folder, secret, (first, last), state)
                for number in range(first, last + 1):
                    _verify_batch(connection, number, accepted.get(number), state)
                    if progress is not None:
                        progress(number, head.batch)
            _verify_head(connection, head.batch, head_digest, state)
            verify_decisions(connection, state.report)
        _verify_identities(state)
        _verify_index(index_folder, state)
    except DatabaseError as error:
        state.report("database", str(engine.url.database), str(error.orig))
    return LogVerification(
        state.batches, state.received, state.accepted, state.segments, head_digest, tuple(state.findings)
    )


def _ranges(connection: Connection, head: int, state: Verifying) -> Iterator[tuple[int, int]]:
    """The ranges of batches that are read at once: those of compactions, then the tail in small steps."""
    done = schema.compactions
    query = select(done.c.first_batch, done.c.last_batch).where(done.c.done_at.is_not(None))
    following = 1
    for first, last in connection.execute(query.order_by(done.c.first_batch)).all():
        if first != following:
            state.report(
                "compaction", f"batches {first} to {last}", f"batch {following} was expected to follow"
            )
        yield following, last
        following = last + 1
    while following <= head:
        last = min(following + TAIL_BATCHES_AT_ONCE - 1, head)
        yield following, last
        following = last + 1


def _accepted_rows(
    connection: Connection, folder: Path, secret: bytes, span: tuple[int, int], state: Verifying
) -> dict[int, Rows]:
    parts: list[tuple[np.ndarray, ...]] = []
    for table in _tables(connection, folder, span, state):
        keys = identity_keys(table, secret)
        keys, digests = erasures.before_erasing(
            connection, table, keys, content_digests(table, keys), state.report
        )
        _verify_lanes(table, lanes(digests), state)
        state.seen.append(np.frombuffer(keys, dtype="V16"))
        parts.append(
            (
                table.column("batch").to_numpy(),
                table.column("row").to_numpy(),
                np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32),
                np.frombuffer(keys, dtype="<u8").reshape(-1, 2),
            )
        )
    if not parts:
        return {}
    batch, row, digest, key = (np.concatenate([part[index] for part in parts]) for index in range(4))
    order = np.lexsort((row, batch))
    numbers, starts = np.unique(batch[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {
        int(number): Rows(row[own], digest[own], key[own])
        for number, own in zip(numbers, groups, strict=True)
    }


def _tables(
    connection: Connection, folder: Path, span: tuple[int, int], state: Verifying
) -> Iterator[pa.Table]:
    compacted = reader.compacted_upto(connection)
    stored = reader.bodies_between(connection, *span)
    for body in stored:
        place = f"batch {body.batch}"
        if hashlib.sha256(body.body).digest() != body.sha256:
            state.report("body", place, "its bytes are not those that were written")
            continue
        if span[1] > compacted:
            try:
                yield reader.accepted_rows(body)
            except (IntegrityViolation, ValueError, KeyError) as error:
                state.report("body", place, str(error))
    if span[1] <= compacted:
        for segment in reader.segments_between(connection, folder, *span):
            if (segment.first_batch, segment.last_batch) != span:
                state.report("segment", segment.path, "it is listed for other batches than were compacted")
            table = _segment_table(segment, state)
            if table is not None:
                yield table


def _segment_table(segment: SegmentFile, state: Verifying) -> pa.Table | None:
    state.segments += 1
    try:
        content = Path(segment.path).read_bytes()
        if hashlib.sha256(content).hexdigest() != segment.sha256:
            state.report("segment", segment.path, "its bytes are not those that were written")
            return None
        table = reader.read_segment(segment)
    except (IntegrityViolation, OSError) as error:
        state.report("segment", segment.path, str(error))
        return None
    if table.num_rows != segment.rows:
        state.report("segment", segment.path, f"{table.num_rows} rows, {segment.rows} were written")
    if event_type_of(table.schema) != (segment.type, segment.contract_version):
        state.report("segment", segment.path, "it is listed under another event type or contract version")
    return table


def _verify_lanes(table: pa.Table, words: np.ndarray, state: Verifying) -> None:
    for index, name in enumerate(("lane_a", "lane_b")):
        wrong = np.flatnonzero(table.column(name).to_numpy() != words[:, index])
        for place in wrong[:1]:
            position = f"b{table.column('batch')[int(place)]}.r{table.column('row')[int(place)]}"
            state.report(
                "event", position, f"its content does not match its stored digest ({len(wrong)} in all)"
            )
            return


def _verify_batch(connection: Connection, number: int, accepted: Rows | None, state: Verifying) -> None:
    batches = schema.batches
    batch = connection.execute(select(batches).where(batches.c.number == number)).one_or_none()
    place = f"batch {number}"
    if batch is None:
        state.report("batch", place, "it is missing")
        return
    if batch.previous_digest != state.previous:
        state.report("chain", place, "it does not follow the batch before it")
    state.previous = batch.digest
    state.batches += 1
    state.received += batch.received
    state.accepted += batch.accepted
    found = 0 if accepted is None else len(accepted.rows)
    if found != batch.accepted:
        state.report("batch", place, f"{found} accepted events are stored, {batch.accepted} were accepted")
        return
    try:
        _verify_digest(connection, batch, accepted, state)
    except IntegrityViolation as error:
        state.report("dispositions", place, str(error))


def _verify_digest(
    connection: Connection, batch: Row[tuple[object, ...]], accepted: Rows | None, state: Verifying
) -> None:
    place = f"batch {batch.number}"
    dispositions = decode_dispositions(batch.dispositions, f"the dispositions of {place}")
    rows = accepted or NO_ROWS
    told = np.concatenate([rows.rows.astype(np.int64), dispositions["row"].astype(np.int64)])
    if not np.array_equal(np.sort(told), np.arange(batch.received)):
        state.report("dispositions", place, "not every received item has exactly one verdict")
        return
    digest = batch_digest(
        number=batch.number,
        previous=batch.previous_digest,
        received_at=Instant(batch.received_at),
        contracts=batch.contracts,
        received=batch.received,
        fates=fates(batch.received, (rows.rows, rows.digests), dispositions),
    )
    if digest != batch.digest:
        state.report("batch", place, "its digest is not that of what is stored")
    _verify_keys(connection, batch.number, rows, state)
    _verify_kept(connection, batch.number, dispositions, state)
    _verify_tallies(connection, batch, dispositions, state)


def _verify_keys(connection: Connection, number: int, rows: Rows, state: Verifying) -> None:
    """What the identity index will learn of this batch. Once segments and run files hold it, it is gone."""
    stored = connection.execute(select(schema.keys.c.entries).where(schema.keys.c.batch == number)).scalar()
    if stored is None:
        if number > reader.compacted_upto(connection):
            state.report("keys", f"batch {number}", "they are missing")
        return
    try:
        entries = decode_keys(stored, f"the identity keys of batch {number}")
    except IntegrityViolation as error:
        state.report("keys", f"batch {number}", str(error))
        return
    order, own = np.argsort(entries.rows), np.argsort(rows.rows)
    words = lanes(rows.digests.tobytes())[:, :2]
    same = (
        np.array_equal(entries.rows[order], rows.rows[own])
        and np.array_equal(entries.keys[order], rows.keys[own])
        and np.array_equal(entries.lanes[order], words[own])
    )
    if not same:
        state.report("keys", f"batch {number}", "they are not those of the events that were accepted")


def _verify_kept(connection: Connection, number: int, dispositions: np.ndarray, state: Verifying) -> None:
    """Every quarantined item and conflict is kept, with the bytes that were chained."""
    quarantine = schema.quarantine
    told = (quarantine.c.row, quarantine.c.verdict, quarantine.c.reason, quarantine.c.raw)
    kept = {
        row: (verdict, reason, hashlib.sha256(raw).digest())
        for row, verdict, reason, raw in connection.execute(select(*told).where(quarantine.c.batch == number))
    }
    kept |= erasures.kept_before_erasing(connection, number, state.report)
    chained = dispositions[dispositions["verdict"] != Verdict.DUPLICATE]
    expected = {
        int(item["row"]): (int(item["verdict"]), int(item["reason"]), item["digest"].tobytes())
        for item in chained
    }
    for row in sorted(kept.keys() | expected.keys()):
        if kept.get(row) != expected.get(row):
            state.report("quarantine", f"b{number}.r{row}", "the item kept is not the item that was received")


def _verify_tallies(
    connection: Connection, batch: Row[tuple[object, ...]], dispositions: np.ndarray, state: Verifying
) -> None:
    tallies = schema.tallies
    keys = (tallies.c.verdict, tallies.c.reason, tallies.c.hour)
    query = select(*keys, func.sum(tallies.c["items"])).where(tallies.c.batch == batch.number).group_by(*keys)
    told = {tuple(row[:3]): int(row[3]) for row in connection.execute(query)}
    hour = batch.received_at // HOUR_MICROSECONDS * HOUR_MICROSECONDS
    found = Counter((int(item["verdict"]), int(item["reason"]), hour) for item in dispositions)
    if batch.accepted:
        found[int(Verdict.ACCEPTED), int(Reason.NONE), hour] = batch.accepted
    if told != dict(found):
        state.report(
            "tallies",
            f"batch {batch.number}",
            "received is not accepted + duplicate + conflict + quarantined, as they were counted",
        )


def _verify_head(connection: Connection, number: int, digest: bytes, state: Verifying) -> None:
    beyond = connection.execute(
        select(func.count()).select_from(schema.batches).where(schema.batches.c.number > number)
    ).scalar_one()
    if beyond:
        state.report("head", f"batch {number}", f"{beyond} batches lie beyond it")
    if digest != state.previous:
        state.report("head", f"batch {number}", "its digest is not that of the last batch")


def _verify_index(folder: Path, state: Verifying) -> None:
    """The identity index is derived, but a damaged one would let an identity in twice."""
    for path in sorted(folder.glob("*.run")):
        try:
            fits = is_as_written(path) and (int(path.name[:12]), int(path.name[13:25])) == batches_of(path)
        except (OSError, ValueError, DamagedRun):
            fits = False
        if not fits:
            state.report("index", str(path), "it is damaged; delete it, and it is rebuilt from the log")


def _verify_identities(state: Verifying) -> None:
    """Law L3: no identity was accepted twice."""
    if not state.seen:
        return
    keys = np.sort(np.concatenate(state.seen))
    twice = int((keys[1:] == keys[:-1]).sum())
    if twice:
        state.report("identities", "the whole log", f"{twice} identities were accepted more than once")
