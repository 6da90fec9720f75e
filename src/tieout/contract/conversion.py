"""A meter may measure in one unit and be billed in another: bytes in GB, tokens in millions."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Conversion:
    """Usage divided by `divide_by`, rounded once to `places` (0 to 12) decimal places, is in `unit`."""

    divide_by: Exact
    unit: str
    places: int
    rounding: Rounding


def priced_unit(metered: str, conversion: Conversion | None) -> str:
    """The unit that prices are for: the conversion's, or the metered one where there is none."""
    return metered if conversion is None else conversion.unit
