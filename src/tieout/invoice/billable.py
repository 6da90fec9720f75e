"""What an invoice asks for, before it is a line."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.invoice.corrected_coupons import PeriodCoupons
from tieout.invoice.earlier import Correction, EarlierLine
from tieout.invoice.taxes import Taxation
from tieout.rate.charge import Charge


@dataclass(frozen=True, slots=True)
class Billable:
    """A charge in full, what earlier papers have settled of it, and, where it corrects a sealed period, why.

    `taxation` is the original period's for a correction; None: that of the invoice. `coupons` are those of
    that period; every line of one correction has the same.
    """

    charge: Charge
    earlier: tuple[EarlierLine, ...] = ()
    correction: Correction | None = None
    taxation: Taxation | None = None
    coupons: PeriodCoupons | None = None
