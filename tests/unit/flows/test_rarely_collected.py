"""What a server keeps for long is not searched for circles again and again, and is freed all the same."""

from __future__ import annotations

import gc
import weakref

from tieout.flows.rarely_collected import leave_alone


class Kept:
    """Something that is remembered."""


def test_what_is_left_alone_is_not_searched_and_goes_with_its_last_reference() -> None:
    kept = Kept()
    watched = weakref.ref(kept)
    before = gc.get_freeze_count()
    try:
        leave_alone()
        assert gc.get_freeze_count() > before
        assert not any(each is kept for each in gc.get_objects())
        del kept
        assert watched() is None
    finally:
        gc.unfreeze()
