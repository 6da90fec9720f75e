"""Count: how many events. Needs no field and no order."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.aggregate.select import Selected
from tieout.kernel.quantity import Quantity


def meaning(selected: Iterable[Selected]) -> Quantity:
    """One per event; 0 where there is none."""
    return Quantity.of(sum(1 for _ in selected))
