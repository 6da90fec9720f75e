"""Average: the exact sum of the metered field, divided once by the number of events.

The division rounds to 12 places, half away from zero. The sum has the bound that every sum has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieout.aggregate import sum as sum_
from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Selected
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rounding import Rounding, quantize

FOLDING: Final = Folding.BOTH_WAYS
"""What is kept is the sum and the number; the division comes last."""


def meaning(selected: Sequence[Selected]) -> Quantity:
    """0 where there is no event (the event count 0 says so). Raises `QuantityOverflow`."""
    return average_of(sum_.meaning(selected), len(selected))


def average_of(total: Quantity, count: int) -> Quantity:
    """The one division, and its rounding."""
    if count == 0:
        return QUANTITY_ZERO
    return quantize(total.as_fraction() / count, FRACTION_DIGITS_MAX, Rounding.HALF_AWAY_FROM_ZERO)
