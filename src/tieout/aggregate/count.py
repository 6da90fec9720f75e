"""Count: how many events. Needs no field and no order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.kernel.quantity import Quantity

FOLDING: Final = Folding.BOTH_WAYS
"""Events are added and taken out by their number."""


def meaning(selected: Iterable[Selected]) -> Quantity:
    """One per event; 0 where there is none."""
    return Quantity.of(sum(1 for _ in selected))
