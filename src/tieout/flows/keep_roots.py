"""States roots over what of the log no head has one over yet, and the last folio of the books, in a head of
its own, and keeps them.

A seal does not wait for it: the trees are made when somebody wants a copy of a head, or a pack.
"""

from __future__ import annotations

from itertools import chain

from tieout.evidence.head import KeptHead, StatedRoots, head_of
from tieout.evidence.piece import Piece, in_order, root_of_pieces
from tieout.flows.home import Home
from tieout.flows.keep_head import following
from tieout.kernel.ids import Watermark
from tieout.ports import EMPTY_LOG, UnreadableSegment
from tieout.ports.folios import FolioHead


def keep_roots(home: Home) -> None:
    """Nothing where nothing was written since the last head with roots. Takes about a second for each million
    events that came."""
    last = home.books.heads.with_roots()
    after, upto = rooted_upto(last), home.log.head()
    if upto == after and _is_all_stated(home, last):
        return
    pieces = _pieces(home, after=after, upto=upto) if upto > after else []
    root, now = root_of_pieces(pieces).hex(), home.clock.now()

    def state(before: KeptHead | None, folio: FolioHead) -> KeptHead:
        # a seal may have stated a later batch meanwhile, and heads never go back
        batch = upto if before is None else max(upto, head_of(before.statement).batch)
        roots = StatedRoots(upto, len(pieces), root, folio.number, folio.digest)
        return following(home, before, run=None, batch=batch, stated_at=now, roots=roots)

    home.books.heads.keep_roots(last, state, pieces)


def _is_all_stated(home: Home, last: KeptHead | None) -> bool:
    """Whether the books have no more than the folio of that head after the folio that it states."""
    roots = None if last is None else head_of(last.statement).roots
    return roots is not None and home.books.folios.head().number == roots.folio + 1


def rooted_upto(last: KeptHead | None) -> Watermark:
    """Up to which batch roots are stated; `last`: the last head with roots."""
    roots = None if last is None else head_of(last.statement).roots
    return EMPTY_LOG if roots is None else roots.upto


def pieces_upto(home: Home, batch: Watermark) -> list[Piece]:
    """Those of all heads with roots, which hold every event of the log up to `batch`."""
    if rooted_upto(home.books.heads.with_roots()) < batch:
        keep_roots(home)
    return list(chain.from_iterable(home.books.heads.pieces().values()))


def _pieces(home: Home, *, after: Watermark, upto: Watermark) -> list[Piece]:
    try:
        return in_order([*home.log.pieces(after=after, upto=upto)])
    except UnreadableSegment:  # merged away meanwhile
        return in_order([*home.log.pieces(after=after, upto=upto)])
