"""Checks one batch: digest and chain from its rows and dispositions, and what is kept beside them."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
from sqlalchemy import Connection, Row, func, select

from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.batch_digest import batch_digest
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import Instant, hour_of
from tieout.store.log import reader, schema
from tieout.store.log.chain import fates
from tieout.store.log.encoding import decode_dispositions, decode_keys
from tieout.store.log.erasures import kept_before_erasing
from tieout.store.log.verifying import NO_ROWS, Rows, Verifying
from tieout.table.canonical import lanes


def verify_batch(connection: Connection, number: int, accepted: Rows | None, state: Verifying) -> None:
    """One batch against what was chained: its link, its digest, its keys, kept items and counts."""
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
    kept |= kept_before_erasing(connection, number, state.report)
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
    hour = hour_of(Instant(batch.received_at))
    found = Counter((int(item["verdict"]), int(item["reason"]), hour) for item in dispositions)
    if batch.accepted:
        found[int(Verdict.ACCEPTED), int(Reason.NONE), hour] = batch.accepted
    if told != dict(found):
        state.report(
            "tallies",
            f"batch {batch.number}",
            "received is not accepted + duplicate + conflict + quarantined, as they were counted",
        )
