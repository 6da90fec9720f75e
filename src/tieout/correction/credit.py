"""How much of a sealed line can still be given back, and which part of its taxes goes with it.

The cap is what is left of the line, and of all that was settled for the same thing: adjustments and earlier
credits count. The taxes are cumulative, so that giving back everything gives back exactly the tax.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tieout.kernel.money import Money
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, settle

Rest = Literal["balance", "refund"]
CreditKind = Literal["goodwill", "billing-error"]
"""Goodwill stays, whatever becomes of the usage. A billing error counts against what the line is for: the
next correction of the period takes off what was credited, so that nothing is given back twice."""


@dataclass(frozen=True, slots=True)
class Creditable:
    """Minor units: what the line came to after discounts, what of it was given back, and what everything
    settled for the same thing comes to by now, given back parts taken off."""

    net: int
    credited: int
    settled: int

    @property
    def left(self) -> int:
        """What can still be given back; never below nothing."""
        return max(min(self.net - self.credited, self.settled), 0)


def tax_given_back(share: Money, creditable: Creditable, amount: int) -> Money:
    """Of the line's `share` of a tax, the part that goes with `amount` more minor units."""
    before, after = creditable.credited, creditable.credited + amount
    return _part(share, after, creditable.net) - _part(share, before, creditable.net)


def _part(share: Money, given: int, whole: int) -> Money:
    part = share.as_fraction() * Exact(given, whole)
    return settle(part, share.currency, Rounding.HALF_AWAY_FROM_ZERO)
