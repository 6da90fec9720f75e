"""How much of a billing period a part is, by elapsed whole seconds.

Both ends of a part are floored to the second, so the shares of adjoining parts always add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.instant import SECOND_MICROSECONDS
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.rate.wording import share_text, stretch_text


@dataclass(frozen=True, slots=True)
class Share:
    """The part `segment` of `period`."""

    period: Period
    segment: Period

    @property
    def is_whole(self) -> bool:
        return self.segment is self.period or self.segment == self.period

    @property
    def fraction(self) -> Exact:
        return Exact(elapsed_seconds(self.segment), elapsed_seconds(self.period))

    def of(self, amount: Exact) -> Exact:
        """The part's share of an amount, exact."""
        return amount if self.is_whole else amount * self.fraction

    def of_units(self, units: Quantity) -> Quantity:
        """The part's share of units. What falls to the period up to each end of the part is floored to the
        12th decimal, so the shares of adjoining parts add up to the whole."""
        if self.is_whole:
            return units
        whole, start = elapsed_seconds(self.period), self.period.start // SECOND_MICROSECONDS
        before = self.segment.start // SECOND_MICROSECONDS - start
        after = self.segment.end // SECOND_MICROSECONDS - start
        return Quantity(units.atoms * after // whole - units.atoms * before // whole)

    @property
    def text(self) -> str:
        """` for 14 of 31 days (...), START until END`; nothing for the whole period."""
        if self.is_whole:
            return ""
        part, whole = elapsed_seconds(self.segment), elapsed_seconds(self.period)
        return f" for {share_text(part_seconds=part, whole_seconds=whole)}, {stretch_text(self.segment)}"


def elapsed_seconds(period: Period) -> int:
    """Whole seconds between the floored ends."""
    return period.end // SECOND_MICROSECONDS - period.start // SECOND_MICROSECONDS
