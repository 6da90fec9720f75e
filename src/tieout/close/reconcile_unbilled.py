"""Usage on no invoice holds, where the signed policy says so: what is of a customer without a price its
account, what is of nobody every account of that time. Mapped, priced or retracted, it clears itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tieout.close.breaks import Break, BreakClass, Reach, events_size
from tieout.close.reconcile_buckets import TIE_BUCKETS
from tieout.contract.policy import HoldOn
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period

CLASSES: Final = {HoldOn.UNPRICED: BreakClass.UNPRICED, HoldOn.UNMATCHED: BreakClass.UNMATCHED}
UNMATCHED_ACTION: Final = "give the subject to its customer, or retract the events; then close again"
UNPRICED_ACTION: Final = "add a price to the customer's plan, or retract the events; then close again"


@dataclass(frozen=True, slots=True)
class Unbilled:
    """Events of one meter in the period of an account that may be held. `customer` None: of nobody.
    `is_laid`: to an account of its customer; what no account can bear is everybody's. `subject`: the
    first of them."""

    kind: HoldOn
    meter: str
    period: Period
    customer: CustomerId | None
    count: int
    subject: str
    is_laid: bool = False


def unbilled_breaks(
    found: Collection[Unbilled], *, customer: CustomerId, period: Period, hold_on: Collection[HoldOn]
) -> list[Break]:
    """What of it holds the account of the customer over the period."""
    return [
        _break(each)
        for each in found
        if each.kind in hold_on and each.period == period and (not each.is_laid or each.customer == customer)
    ]


def _break(each: Unbilled) -> Break:
    where = f"meter {each.meter}, {each.period}"
    who = (
        "of no customer" if each.customer is None else f"of customer {each.customer}, who pays no price then"
    )
    return Break(
        TIE_BUCKETS,
        f"{where}: every event on an invoice",
        f"{where}: {events_size(each.count)} {who}, the first by subject: {each.subject}",
        UNMATCHED_ACTION if each.customer is None else UNPRICED_ACTION,
        kind=CLASSES[each.kind],
        size=events_size(each.count),
        reach=Reach.ACCOUNT if each.is_laid else Reach.CYCLE,
    )
