"""Heads and trees of the log on both databases: the same statements; rows are only added; of runs that seal
at once each states one head, and none is stated twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.evidence.head import head_of
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.keep_head import keep_head, make_key
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_roots import verify_roots
from tieout.gateways.clock import SteppedClock
from tieout.store.sqlite import begin_immediate
from tieout.wiring import open_home


def told(folder: Path) -> object:
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(2))
        close(home, as_of=FEBRUARY_3)
        make_key(home)
        engine = home.books.heads.engine  # type: ignore[attr-defined] # the store's own
        for table in ("log_head", "log_head_signature"):
            for act in (f"UPDATE {table} SET number = number", f"DELETE FROM {table}"):
                with pytest.raises(DBAPIError, match="final"), begin_immediate(engine) as connection:
                    connection.execute(text(act))
        runs = [
            home.books.closes.start(as_of=FEBRUARY_3, cutoff=home.log.head(), cutoff_at=FEBRUARY_3)
            for _ in range(3)
        ]
        at_once(folder, [*runs, *runs])
        kept = home.books.heads.all()
        assert sorted(each.run for each in kept) == [1, *runs]
        assert [each.signature is None for each in kept] == [False] * 4
        assert verify_books(home).findings == ()
        home.log.compact(rows_min=1)
        for _ in range(2):  # the tree is made, then read as it is kept
            content = build_pack(home, "INV-000003").content
            report = verify_pack(content, public_key_text(home.installation_key.public_key()).encode())
            assert report.breaks == [] and verify_roots(home, content).findings == ()
        heads = [head_of(each.statement) for each in kept]
    return [(each.number, each.batch, each.stated_at) for each in heads]


def at_once(folder: Path, runs: list[int]) -> None:
    failed: list[BaseException] = []

    def work(run: int) -> None:
        try:
            with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
                keep_head(home, run)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    workers = [threading.Thread(target=work, args=(run,)) for run in runs]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert failed == []


def test_one_record_of_heads_on_both(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert told(tmp_path / "postgres") == on_sqlite
