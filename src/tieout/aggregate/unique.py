"""Unique: how many different values the metered field has in the window, counted exactly, never estimated.

Two values are one when their canonical texts are equal: 1 and 1.0 are one number, "a" and "A" are two texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.kernel.quantity import Quantity

FOLDING: Final = Folding.BOTH_WAYS
"""What is kept is how many events have each text; a text goes with its last event."""


def meaning(selected: Iterable[Selected]) -> Quantity:
    """The number of different texts; 0 where there is no event."""
    return Quantity.of(len({each.text for each in selected}))
