"""Fewer searches for circles of references, while records are made by the million and live to the end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MADE_BEFORE_A_SEARCH: Final = 200_000
"""Records that are made before the youngest are searched; Python's own number of 700 makes a close a fifth
slower and frees nothing, since frozen records form no circles."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(MADE_BEFORE_A_SEARCH, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
