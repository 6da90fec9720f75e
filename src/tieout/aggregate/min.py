"""Min: the least value of the metered field in the window. Order and ties decide nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity

FOLDING: Final = Folding.IN
"""Which value would be the least without the least is not known without the events."""


def meaning(selected: Iterable[Selected]) -> Quantity:
    """The least value, which may be negative; 0 where there is none (the event count 0 says so)."""
    return min((each.value for each in selected if each.value is not None), default=QUANTITY_ZERO)
