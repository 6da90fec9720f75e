"""Heads with roots are exported and packs built by several at once while events come and segments are merged
and deleted: each event comes to lie in one piece, and every pack stands by the heads of then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evidence_packs import INVOICE
from tests.faults.harness import tally
from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.head_copy import head_copy
from tieout.flows.keep_head import make_key
from tieout.flows.keep_roots import keep_roots
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.store.log.segments import tiers
from tieout.wiring import Home, open_home

ROUNDS = 12


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_all_at_once_each_event_lies_in_one_piece(
    tmp_path: Path, database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "FAN_OUT", 3)  # so that a short story merges often
    if database == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", request.getfixturevalue("postgres_url"))
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        make_key(home)
        events(home, 0)
        close(home, as_of=FEBRUARY_3)
        key = public_key_text(home.installation_key.public_key()).encode()

    def export(own: Home, _: int) -> None:
        head_copy(own, None)

    def pack(own: Home, _: int) -> None:
        copy = head_copy(own, 1)
        report = verify_pack(build_pack(own, INVOICE).content, key, (copy.statement, copy.signature))
        assert report.breaks == []

    def compact(own: Home, _: int) -> None:
        own.log.maintain(rows_min=1)

    at_once(tmp_path / "home", [events, export, export, pack, compact, compact])
    with open_home(tmp_path / "home", clock=SteppedClock(FEBRUARY_3)) as home:
        keep_roots(home)
        assert verify_books(home).findings == ()
        pieces = [piece for own in home.books.heads.pieces().values() for piece in own]
        assert sum(piece.rows for piece in pieces) == 3 * (ROUNDS + 1)
        pack(home, 0)
    tally.injected()


def events(home: Home, number: int) -> None:
    told = [call(1 + number * 3 + n, who, "2026-01-05T00:00:00Z") for n, who in enumerate(CUSTOMERS)]
    ingest(home, told, f"{number}.ndjson")


CUSTOMERS = ("acme", "birch", "cedar")


def at_once(folder: Path, acts: list[Callable[[Home, int], None]]) -> None:
    failed: list[BaseException] = []

    def work(act: Callable[[Home, int], None]) -> None:
        try:
            with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
                for number in range(1, ROUNDS + 1):
                    act(home, number)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    workers = [threading.Thread(target=work, args=(act,)) for act in acts]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    if failed:
        raise failed[0]
