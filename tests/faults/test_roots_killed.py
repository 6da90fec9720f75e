"""Whoever states roots over the log is killed beside any of its trees: nothing of it is stated, the log is as
it was, and stating it again gives the roots that would have been; a pack stands by them.

`test_every_decision_killed.py` kills at the transactions of the books, in which a head and its pieces lie.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence_packs import INVOICE
from tests.faults.closers import Closers, closers_started
from tests.faults.harness import tally
from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.evidence.head import head_of
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.head_copy import head_copy
from tieout.flows.keep_head import make_key
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_log import verify_log
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

POINTS = ("roots-before-tree", "roots-after-tree")
PIECES = 2


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segment, loose batches behind it, a seal, and a key; no roots yet."""
    home, _ = make_home(tmp_path_factory.mktemp("roots") / "home", now=FEBRUARY_3)
    with home:
        make_key(home)
        events = january(4)
        ingest(home, events[::2], "first.ndjson")
        home.log.compact(rows_min=1)
        ingest(home, events[1::2], "second.ndjson")
        close(home, as_of=FEBRUARY_3)
        return home.folder


@pytest.mark.parametrize("verb", [("export-head",), ("pack", INVOICE)])
@pytest.mark.parametrize("point", POINTS)
def test_killed_beside_a_tree_nothing_is_stated_and_again_it_is(
    sealed: Path, closers: Closers, tmp_path: Path, point: str, verb: tuple[str, ...]
) -> None:
    order: dict[str, object] = {"decide": [*verb], "now": [int(FEBRUARY_3)]}
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(sealed, undisturbed)
    assert closers.close(undisturbed, **order) == 0
    with open_home(undisturbed, clock=SteppedClock(FEBRUARY_3)) as home:
        whole = home.books.heads.all()
    for passed in range(1, PIECES + 1):
        folder = tmp_path / f"home-{passed}"
        shutil.copytree(sealed, folder)
        assert closers.close(folder, crash_at=f"{point}:{passed}", **order) == -signal.SIGKILL
        with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
            assert home.books.heads.pieces() == {} and len(home.books.heads.all()) == 1
        assert closers.close(folder, **order) == 0
        with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
            assert [each.statement for each in home.books.heads.all()] == [each.statement for each in whole]
            assert head_of(whole[-1].statement).roots is not None
            assert verify_books(home).findings == () and verify_log(home).findings == ()
            key, copy = public_key_text(home.installation_key.public_key()).encode(), head_copy(home, None)
            report = verify_pack(build_pack(home, INVOICE).content, key, (copy.statement, copy.signature))
            assert report.breaks == [] and any("knows that every event" in each for each in report.checked)
        tally.injected()
    assert closers.close(_fresh(sealed, tmp_path), crash_at=f"{point}:{PIECES + 1}", **order) == 0


def _fresh(sealed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "not-killed"
    shutil.copytree(sealed, folder)
    return folder
