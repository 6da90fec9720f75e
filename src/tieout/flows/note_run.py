"""A run in which credit notes are sealed by people's decisions, outside any close."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tieout.flows.home import Home
from tieout.flows.keep_head import keep_head
from tieout.kernel.errors import TieoutError, Unavailable
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant


@contextmanager
def note_run(home: Home, *, cutoff: Watermark, now: Instant) -> Iterator[int]:
    """Its number. It has its head before anything is sealed, and is ended, unless nobody knows what became of
    what was sealed in it."""
    run = home.books.closes.start(as_of=now, cutoff=cutoff, cutoff_at=now)
    keep_head(home, run)
    try:
        yield run
    except Unavailable:
        raise  # nobody knows what became of it: the next run looks, and tells
    except TieoutError:
        home.books.closes.end(run, at=home.clock.now())  # refused: nothing of it was written
        raise
    home.books.closes.end(run, at=home.clock.now())
