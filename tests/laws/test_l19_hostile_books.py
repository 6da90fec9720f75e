"""L19: what whoever owns the machine writes into the books about heads and their pieces is found by `tieout
verify`, or by a copy of a head that somebody else kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tests.tampered import beside_folios
from tieout.evidence.head import Head, digest_of, head_of, statement_of
from tieout.flows.close_periods import close
from tieout.flows.head_copy import head_copy
from tieout.flows.keep_head import make_key
from tieout.flows.keep_roots import keep_roots
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_heads import copy_findings
from tieout.kernel.ids import Watermark
from tieout.store.sqlite import sqlite_module
from tieout.wiring import Home

GUARDED = ("log_head", "log_head_piece", "log_head_signature")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Four heads: with roots, of a seal, and twice with roots; none is signed."""
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        for number in range(3):
            ingest(made, [call(number, "acme", f"2026-01-0{number + 1}T00:00:00Z")])
            keep_roots(made)
            if number == 0:
                close(made, as_of=FEBRUARY_3)
        yield made


def alter(home: Home, *statements: str) -> None:
    """Past triggers and foreign keys, which whoever owns the file does not mind."""
    with closing(sqlite_module().connect(home.folder / "books.db")) as connection, connection:
        for table in GUARDED:
            for act in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{act}")
        for statement in statements:
            connection.execute(statement)


def found(home: Home) -> list[str]:
    """Beside what folios tell: whoever owns the machine writes those anew too."""
    return [f"{each.where}: {each.detail}" for each in beside_folios(verify_books(home).findings)]


def say_otherwise(home: Home, **said: int) -> None:
    """The last head states other roots, with a chain that fits, and its pieces are those of before."""
    last = home.books.heads.all()[-1]
    head = head_of(last.statement)
    assert head.roots is not None
    roots = {"upto": int(head.roots.upto), "pieces": head.roots.pieces} | said
    statement = last.statement
    for name, number in roots.items():
        old = {"upto": int(head.roots.upto), "pieces": head.roots.pieces}[name]
        statement = statement.replace(f'"{name}":{old}', f'"{name}":{number}')
    alter(home, f"UPDATE log_head SET statement = '{statement}' WHERE number = {last.number}")


def test_roots_that_reach_beyond_the_log_are_found(home: Home) -> None:
    """Of events that come later nobody would state roots; their number in the log of now is the same."""
    assert found(home) == []
    say_otherwise(home, upto=100)
    assert any("head 4" in each for each in found(home))


def test_a_root_over_nothing_is_found(home: Home) -> None:
    say_otherwise(home, pieces=0)
    assert any("head 4" in each for each in found(home))


def test_pieces_of_no_head_are_found(home: Home) -> None:
    columns = "type, contract_version, first_batch, last_batch, rows, root"
    alter(
        home,
        f"INSERT INTO log_head_piece (head, {columns}) SELECT 9, {columns} FROM log_head_piece "
        "WHERE head = 4",
    )
    assert found(home) == ["head 9: 1 pieces are kept for it, and there is no such head"]


def test_a_head_of_a_seal_without_its_run_and_one_with_roots_of_a_run_are_found(home: Home) -> None:
    alter(home, "UPDATE log_head SET close_run = NULL WHERE number = 2")
    assert "head 2: it states no root, and is of no run" in found(home)
    alter(home, "UPDATE log_head SET close_run = 1 WHERE number = 3")
    assert "head 3: it states a root, and is of run 1" in found(home)


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_head_that_is_gone_with_its_pieces_is_found_by_the_next_or_by_a_copy(
    home: Home, number: int
) -> None:
    """The last one is named by none: only who kept a copy knows of it, or of one after it."""
    make_key(home)
    copy = head_copy(home, number)
    alter(home, *(f"DELETE FROM {table} WHERE {column} = {number}" for table, column in PARTS))
    assert (found(home) != []) == (number != 4)
    _, findings = copy_findings(home, copy.statement, copy.signature, None, file="copy")
    assert [each.detail for each in findings] == ["no head of that number is kept here any more"]


PARTS = (("log_head_piece", "head"), ("log_head_signature", "number"), ("log_head", "number"))


def test_a_head_is_not_built_over_what_it_does_not_cover(home: Home) -> None:
    last = head_of(home.books.heads.all()[-1].statement)
    assert last.roots is not None
    for upto, pieces in ((last.batch + 1, 1), (-1, 1), (last.batch, -1)):
        with pytest.raises(ValueError, match="it covers"):
            Head(
                *(last.home, last.number, last.batch, last.digest, last.stated_at, last.previous),
                replace(last.roots, upto=Watermark(upto), pieces=pieces),
            )
    assert digest_of(statement_of(last)) == digest_of(home.books.heads.all()[-1].statement)
