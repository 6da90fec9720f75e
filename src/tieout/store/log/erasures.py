"""Erased items as the rest of the log sees them: what stood for the whole, and a check of what remains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection, Row, select

from tieout.evidence.witness import Erasure
from tieout.kernel.canonical import token
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant
from tieout.store.log import schema

Report = Callable[[str, str, str], None]
"""(what, where, how it shows)."""
E = schema.erasures


def find_erasure(connection: Connection, position: Position) -> Erasure | None:
    query = select(E).where(E.c.batch == position.batch, E.c.row == position.row)
    row = connection.execute(query).one_or_none()
    return None if row is None else _erasure(row)


def erasures_between(connection: Connection, first: int, last: int) -> dict[Position, Erasure]:
    """Of a range of batches."""
    query = select(E).where(E.c.batch.between(first, last))
    return {found.position: found for found in map(_erasure, connection.execute(query))}


def kept_before_erasing(
    connection: Connection, number: int, report: Report
) -> dict[int, tuple[int, int, bytes]]:
    """(verdict, reason, SHA-256 of the bytes as they came) of the erased quarantined items of a batch, by
    row.
    """
    erased = erasures_between(connection, number, number)
    if not erased:
        return {}
    quarantine = schema.quarantine
    found = {}
    for row in connection.execute(select(quarantine).where(quarantine.c.batch == number)):
        erasure = erased.get(Position(number, row.row))
        if erasure is None:
            continue
        if quarantine_residue(row) != erasure.residue_sha256:
            report("erasure", str(erasure.position), "what remains of the item is not what was left of it")
        found[row.row] = (row.verdict, row.reason, erasure.content_digest)
    return found


def quarantine_residue(row: Row[tuple[object, ...]]) -> bytes:
    """SHA-256 of what an erasure leaves of a quarantined item."""
    texts = (row.verdict, row.reason, row.field or "", row.detail, row.source, row.event_id or "", row.line)
    parts = [token(str(text).encode()) for text in texts]
    return hashlib.sha256(b"".join([*parts, token(bytes(row.raw))])).digest()


def packed_positions(table: pa.Table) -> npt.NDArray[np.int64]:
    """batch << 32 | row of each row."""
    batch = table.column("batch").to_numpy().astype(np.int64)
    packed: npt.NDArray[np.int64] = (batch << 32) | table.column("row").to_numpy()
    return packed


def _erasure(row: Row[tuple[object, ...]]) -> Erasure:
    return Erasure(
        Position(row.batch, row.row),
        bytes(row.identity_key),
        bytes(row.content_digest),
        bytes(row.residue_sha256),
        row.person,
        row.reason,
        Instant(row.erased_at),
    )
