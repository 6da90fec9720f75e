"""Sum: the metered field added up, exactly; negative values subtract and are never clamped.

The sum of absolute values must stay below 10^26, so that no engine can be driven past its widest decimal
by values that cancel out: beyond it the answer is `QuantityOverflow`, in every engine, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.kernel.quantity import QUANTITY_TOTAL_MAX, QUANTITY_ZERO, Quantity, QuantityOverflow

FOLDING: Final = Folding.BOTH_WAYS
"""A value is taken out as it was added, and so is its absolute value."""


def meaning(selected: Iterable[Selected]) -> Quantity:
    """The exact sum; 0 where there is no event. Raises `QuantityOverflow`."""
    total = QUANTITY_ZERO
    magnitude = QUANTITY_ZERO
    for each in selected:
        assert each.value is not None, "select gives a sum its values"
        total += each.value
        magnitude += abs(each.value)
    if overflows(magnitude):
        raise QuantityOverflow("a sum")
    return total


def overflows(magnitude: Quantity) -> bool:
    """Whether a sum of absolute values reaches 10^26."""
    return magnitude.as_fraction() >= QUANTITY_TOTAL_MAX
