"""Heads of the log. Whoever adds does so one at a time, so that each names the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, Select, func, select

from tieout.evidence.head import HeadSignature, KeptHead
from tieout.evidence.piece import Piece, PiecePlace, in_order
from tieout.kernel.ids import EventType, Watermark
from tieout.kernel.instant import Instant
from tieout.ports.folios import FolioHead
from tieout.ports.heads import StateHead, StateRoots
from tieout.store.books.folios import open_folio
from tieout.store.books.schema import invoice
from tieout.store.books.schema_heads import log_head, log_head_piece, log_head_signature
from tieout.store.books.writing import insert_rows, writing
from tieout.store.sqlite import is_sqlite

HEADS_LOCK = 0x68656164
"""The key of the advisory lock."""
_HEADS = select(
    log_head, log_head_signature.c.public_key, log_head_signature.c.signature, log_head_signature.c.signed_at
).select_from(log_head.outerjoin(log_head_signature))
_LAST = _HEADS.order_by(log_head.c.number.desc()).limit(1)
_LAST_WITH_ROOTS = _LAST.where(log_head.c.close_run.is_(None))


@dataclass(frozen=True, slots=True)
class SqlHeads:
    """The port `HeadStore`."""

    engine: Engine

    def all(self) -> tuple[KeptHead, ...]:
        with self.engine.connect() as connection:
            found = connection.execute(_HEADS.order_by(log_head.c.number)).mappings().all()
        return tuple(_kept(row) for row in found)

    def of_run(self, run: int) -> KeptHead | None:
        with self.engine.connect() as connection:
            return _one(connection, _HEADS.where(log_head.c.close_run == run))

    def runs_without(self) -> tuple[int, ...]:
        first = select(func.min(log_head.c.close_run)).scalar_subquery()
        kept = select(log_head.c.close_run).where(log_head.c.close_run.is_not(None))
        query = select(invoice.c.close_run).where(
            invoice.c.close_run >= first, invoice.c.close_run.not_in(kept)
        )
        with self.engine.connect() as connection:
            return tuple(connection.execute(query.distinct().order_by(invoice.c.close_run)).scalars())

    def keep(self, run: int, state: StateHead) -> KeptHead:
        with writing(self.engine) as connection:
            _one_at_a_time(connection)
            there = _one(connection, _HEADS.where(log_head.c.close_run == run))
            return there or _add(connection, state)

    def with_roots(self) -> KeptHead | None:
        with self.engine.connect() as connection:
            return _one(connection, _LAST_WITH_ROOTS)

    def keep_roots(self, after: KeptHead | None, state: StateRoots, pieces: Sequence[Piece]) -> bool:
        with writing(self.engine) as connection:
            _one_at_a_time(connection)
            last = _one(connection, _LAST_WITH_ROOTS)
            if (last and last.number) != (after and after.number):
                return False
            opened = open_folio(connection)
            folio = FolioHead(opened.number - 1, opened.previous)
            kept = _add(connection, lambda before: state(before, folio))
            if pieces:
                insert_rows(connection, log_head_piece, [_piece_row(kept.number, each) for each in pieces])
        return True

    def pieces(self) -> Mapping[int, tuple[Piece, ...]]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(log_head_piece)).mappings().all()
        found: dict[int, list[Piece]] = {}
        for row in rows:
            found.setdefault(row["head"], []).append(_piece(row))
        return {number: tuple(in_order(found[number])) for number in sorted(found)}

    def sign(self, number: int, signature: HeadSignature) -> None:
        signed = select(func.count()).where(log_head_signature.c.number == number)
        with writing(self.engine) as connection:
            _one_at_a_time(connection)
            if not connection.execute(signed).scalar_one():
                insert_rows(connection, log_head_signature, [_row(number, signature)])


def _add(connection: Connection, state: StateHead) -> KeptHead:
    kept = state(_one(connection, _LAST))
    row = {"number": kept.number, "close_run": kept.run, "statement": kept.statement}
    insert_rows(connection, log_head, [row])
    if kept.signature is not None:
        insert_rows(connection, log_head_signature, [_row(kept.number, kept.signature)])
    return kept


def _one_at_a_time(connection: Connection) -> None:
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(HEADS_LOCK)))


def _one(connection: Connection, query: Select[tuple[object, ...]]) -> KeptHead | None:
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _kept(row)


def _row(number: int, signature: HeadSignature) -> dict[str, str | int | bytes]:
    return {
        "number": number,
        "public_key": signature.public_key,
        "signature": signature.text,
        "signed_at": signature.signed_at,
    }


def _piece_row(head: int, piece: Piece) -> dict[str, str | int | bytes]:
    return {
        "head": head,
        "type": piece.place.type,
        "contract_version": piece.place.contract_version,
        "first_batch": piece.place.first,
        "last_batch": piece.place.last,
        "rows": piece.rows,
        "root": piece.root,
    }


def _piece(row: RowMapping) -> Piece:
    first, last = Watermark(row["first_batch"]), Watermark(row["last_batch"])
    place = PiecePlace(EventType(row["type"]), row["contract_version"], first, last)
    return Piece(place, row["rows"], bytes(row["root"]))


def _kept(row: RowMapping) -> KeptHead:
    signature = (
        None
        if row["signature"] is None
        else HeadSignature(bytes(row["public_key"]), row["signature"], Instant(row["signed_at"]))
    )
    return KeptHead(row["number"], row["close_run"], row["statement"], signature)
