"""A rate of tax as an invoice prints it. Which taxes a customer pays, in which order, the customer's document
says, or the seller's.

This is no tax engine: who has to pay what is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.ids import TaxKey
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding

STANDARD_CATEGORY = "standard"
"""What a price that names no tax category is in."""


@dataclass(frozen=True, slots=True)
class Tax:
    """`percent` of the lines whose prices are in one of `categories` (empty: of all lines).

    `inclusive`: it is contained in the prices; otherwise it is added. `compound`: it is taken on those taxes
    as well that stand before it. `rounding`: how its amount is rounded, once, on the sum of its lines.
    """

    key: TaxKey
    version: int
    effective_from: Instant
    name: str
    jurisdiction: str
    percent: Exact
    inclusive: bool
    compound: bool
    categories: tuple[str, ...]
    rounding: Rounding
    digest: str

    def covers(self, category: str) -> bool:
        """Whether lines of that category pay it."""
        return not self.categories or category in self.categories
