"""L19: roots that were stated stay true whatever people do to events afterwards: erase the data of a person,
or release one from quarantine; and events of several types and contract versions have a piece each.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.review import CHAT, bad_call, corrected, feed, message, open_ones, review_home
from tests.small_home import FEBRUARY_3, january, make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.erase_event import erase
from tieout.flows.head_copy import head_copy
from tieout.flows.keep_head import make_key
from tieout.flows.keep_roots import keep_roots
from tieout.flows.release_item import Correction, release
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_heads import copy_findings
from tieout.flows.verify_log import verify_log
from tieout.kernel.merkle import root_of

SECOND = CHAT[: CHAT.index("[[meter]]")].replace("version = 1", "version = 2").replace("2025-01", "2026-01")


@pytest.mark.parametrize("compacted", ["never", "before", "after", "always"])
def test_roots_outlast_an_erasure_and_a_release(tmp_path: Path, compacted: str) -> None:
    home, _ = review_home(tmp_path / "home")
    (tmp_path / "second.toml").write_text(SECOND)
    with home:
        make_key(home)
        feed(home, [message("a"), message("b"), bad_call(2)])
        apply_catalog(home, tmp_path / "second.toml")
        feed(home, [message("c"), message("d")])
        if compacted in ("before", "always"):
            home.log.maintain(rows_min=1)
        keep_roots(home)
        stated = home.books.heads.pieces()
        kinds = Counter[tuple[str, int]]()
        for piece in (piece for own in stated.values() for piece in own):
            kinds[piece.place.type, piece.place.contract_version] += piece.rows
        assert kinds == {("api.call", 1): len(january()), ("chat.message", 1): 2, ("chat.message", 2): 2}
        for id in ("a", "c"):
            erase(home, None, source="chat", id=id, person="Ada", reason="asked by the person")
        (item,) = open_ones(home)
        correction = Correction("corrected.json", corrected(bad_call(2), tokens=60))
        release(home, str(item.item.position), person="Ada", reason="a typo", correction=correction)
        if compacted in ("after", "always"):
            home.log.maintain(rows_min=1)
        assert verify_books(home).findings == () and verify_log(home).findings == ()
        copy = head_copy(home, None)
        assert copy.head.roots is not None and copy.head.roots.upto == home.log.head()
        held = sum(piece.rows for own in home.books.heads.pieces().values() for piece in own)
        assert held == sum(piece.rows for piece in stated[1]) + 1, "what was released is of a later batch"
        assert verify_books(home).findings == ()


def test_a_log_without_events_has_the_root_of_no_leaves(tmp_path: Path) -> None:
    """So has one with only what is in quarantine: the head is over the books, and the batches so far."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        make_key(home)
        for items in ([], [bad_call(1)], [bad_call(2)]):
            if items:
                feed(home, items)
            copy = head_copy(home, None)
            roots = copy.head.roots
            assert roots is not None and (roots.upto, roots.pieces) == (home.log.head(), 0)
            assert roots.root == root_of([]).hex()
            assert copy_findings(home, copy.statement, copy.signature, None, file="copy")[1] == []
        assert len(home.books.heads.all()) == 3 and verify_books(home).findings == ()
