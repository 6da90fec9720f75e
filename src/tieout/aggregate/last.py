"""Last: the metered field of the latest event; of events at the same time, of the one the log took last.

The order is (time, batch, row): arrival decides only between equal times, so it can decide nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity

FOLDING: Final = Folding.IN
"""Which event came before the last one is not known without the events."""


def meaning(selected: Iterable[Selected]) -> Quantity:
    """The value of the last event; 0 where there is none (the snapshot's event count 0 says so)."""
    latest = max(selected, key=_order, default=None)
    if latest is None:
        return QUANTITY_ZERO
    assert latest.value is not None, "select gives a last its values"
    return latest.value


def _order(selected: Selected) -> tuple[Instant, Position]:
    return selected.event.time, selected.event.position
