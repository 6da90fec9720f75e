"""The coupons of a sealed period, worked out again on all that the period comes to with its corrections.

What earlier papers gave of each is taken off, so a correction gives or takes back the difference. Lines that
the correction leaves as they are count, and so do fees in advance, which keep the share that they have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.invoice.amounts import InvoiceDiscount
from tieout.invoice.discounts import Given, GrantedCoupon, discounts
from tieout.invoice.earlier import Scope, scope_of
from tieout.invoice.line import Line, stretch_text
from tieout.kernel.ids import LineId
from tieout.kernel.money import Currency
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class PeriodCoupons:
    """`given` is what the papers of the period gave so far. `beside` are the lines that stay as they are,
    `in_advance` those of them that are fees in advance; `places` and `places_beside` are where each line
    stands among all of the period, so that the units that rounding leaves over go where they went."""

    period: Period
    granted: tuple[GrantedCoupon, ...]
    given: Given
    places: Mapping[Scope, int]
    beside: tuple[Line, ...]
    places_beside: Mapping[LineId, int]
    in_advance: frozenset[LineId]

    def rows(
        self, lines: Sequence[Line], unit: Currency, *, billing: Period, zone_name: str
    ) -> tuple[InvoiceDiscount, ...]:
        """One for each coupon that is for one of the lines, or that stands between two that are for the same
        line beside. On the paper of another period (`billing`), each says which it is for, in the customer's
        zone."""
        said = "" if billing == self.period else f" ({stretch_text(self.period, zone_name)})"
        found = discounts(
            sorted((*lines, *self.beside), key=self._place),
            self.granted,
            unit,
            self.given,
            beside=self.places_beside.keys(),
            in_advance=self.in_advance,
        )
        rows: list[InvoiceDiscount] = []
        seen: set[LineId] = set()
        for each in found:
            if each.shares or any(one.line in seen for one in each.beside):
                rows.append(replace(each, name=each.name + said, corrects=self.period))
                seen.update(one.line for one in each.beside)
        return tuple(rows)

    def _place(self, line: Line) -> int:
        beside = self.places_beside.get(line.id)
        return self.places[scope_of(line.charge)] if beside is None else beside
