"""Heads that a home stated before there were roots: they stay as they are, are final as before, and heads of
no run may follow them."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tieout.evidence.head import Head, HeadSignature, KeptHead, StatedRoots, statement_of
from tieout.evidence.piece import Piece, PiecePlace, root_of_pieces
from tieout.kernel.ids import EventType, HomeId, Watermark
from tieout.kernel.instant import Instant
from tieout.store import migrate
from tieout.store.books.heads import SqlHeads
from tieout.store.migrate import prepare_schema
from tieout.store.sqlite import open_engine

pytestmark = pytest.mark.usefixtures("real_migrations")
BEFORE = "books_0012"
ROWS = (
    "INSERT INTO close_run (id, as_of, cutoff, cutoff_at) VALUES (1, 1, 1, 1)",
    "INSERT INTO close_run (id, as_of, cutoff, cutoff_at) VALUES (2, 1, 1, 1)",
    "INSERT INTO log_head (number, close_run, statement) VALUES (1, 1, 'one')",
    "INSERT INTO log_head (number, close_run, statement) VALUES (2, 2, 'two')",
    "INSERT INTO log_head_signature (number, public_key, signature, signed_at) "
    "VALUES (1, {key}, 'signed', 7)",
)
KEYS = {"sqlite": "x'0102'", "postgresql": "'\\x0102'"}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_heads_of_before_stay_and_heads_of_no_run_follow(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else None
    engine = open_engine(url or tmp_path / "books.db", schema="books")
    upgrade = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _: _to_before(upgrade, config))
        patched.setattr(migrate, "revisions", lambda _: (BEFORE,))
        prepare_schema(engine, schema="books", place="here")
    with engine.begin() as connection:
        for row in ROWS:
            connection.exec_driver_sql(row.format(key=KEYS[database]))
    prepare_schema(engine, schema="books", place="here")
    heads = SqlHeads(engine)
    signed = HeadSignature(b"\x01\x02", "signed", Instant(7))
    before = (KeptHead(1, 1, "one", signed), KeptHead(2, 2, "two", None))
    assert heads.all() == before and heads.with_roots() is None
    for table in ("log_head", "log_head_signature"):
        for act in (f"UPDATE {table} SET number = number", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="final"), engine.begin() as connection:
                connection.execute(text(act))
    place = PiecePlace(EventType("call"), 1, Watermark(1), Watermark(4))
    piece = Piece(place, 9, bytes(32))
    roots = StatedRoots(Watermark(4), 1, root_of_pieces([piece]).hex(), 0, "0" * 64)
    statement = statement_of(Head(HomeId("home"), 3, Watermark(4), "0" * 64, Instant(8), "0" * 64, roots))
    stated = KeptHead(3, None, statement, None)
    assert heads.keep_roots(None, lambda _, __: stated, [piece])
    assert not heads.keep_roots(None, lambda _, __: stated, [piece]), "another was stated meanwhile"
    assert heads.all() == (*before, stated) and heads.with_roots() == stated
    assert heads.pieces() == {3: (piece,)}
    assert heads.runs_without() == ()
    for act in ("UPDATE log_head_piece SET head = head", "DELETE FROM log_head_piece"):
        with pytest.raises(DBAPIError, match="final"), engine.begin() as connection:
            connection.execute(text(act))
    engine.dispose()


def _to_before(upgrade: object, config: Config) -> None:
    assert callable(upgrade)
    upgrade(config, BEFORE)
