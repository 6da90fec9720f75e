"""Why a sealed period comes to something else: what a correction's line says to the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.correction.adjust import Explain
from tieout.correction.settled import SettledLine
from tieout.invoice.earlier import Cause, Correction
from tieout.kernel.ids import MeterKey, SubscriptionId
from tieout.kernel.period import Period
from tieout.rate.charge import Charge
from tieout.rate.commitment import PREFIX

Window = tuple[SubscriptionId, MeterKey, Period]


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """What happened to a sealed period: by window how many events came late, and how many that it counts were
    retracted. `carried`: an earlier period's correction moved the balances that it starts from; `mapped`:
    subjects became the customer's. `approval` is the report's digest; None: the policy approves."""

    period: Period
    reason: str
    approval: str | None
    by_window: Mapping[Window, tuple[int, int]]
    carried: bool
    mapped: bool

    @property
    def late_events(self) -> int:
        return sum(late for late, _ in self.by_window.values())

    @property
    def retracted_events(self) -> int:
        return sum(retracted for _, retracted in self.by_window.values())


def explained(change: PeriodChange) -> Explain:
    """For `adjustments`: the correction of each line that is made."""

    def explain(charge: Charge, before: Sequence[SettledLine]) -> Correction:
        late, retracted = _counts(change, charge)
        superseded = None if charge.price.key.startswith(PREFIX) else _superseded(charge, before)
        return Correction(
            period=change.period,
            original=before[0].line.line if before else None,
            causes=_causes(change, charge, late=late, retracted=retracted, priced=superseded is not None),
            late_events=late,
            retracted_events=retracted,
            reason=change.reason,
            superseded_price_version=superseded,
            approval=change.approval,
        )

    return explain


def _superseded(charge: Charge, before: Sequence[SettledLine]) -> int | None:
    """The version of the price that was billed last, where it was another."""
    billed = before[-1].price.version if before else charge.price.version
    return None if billed == charge.price.version else billed


def _counts(change: PeriodChange, charge: Charge) -> tuple[int, int]:
    """Those of the line's own usage; of a line that only follows from other usage (a commitment's, a later
    tier of it), all of the subscription's."""
    own = [
        counts
        for (subscription, meter, period), counts in change.by_window.items()
        if (subscription, meter, period) == (charge.subscription, charge.price.meter, charge.segment)
    ]
    found = own or [
        counts
        for (subscription, _, _), counts in change.by_window.items()
        if subscription == charge.subscription
    ]
    return sum(late for late, _ in found), sum(retracted for _, retracted in found)


def _causes(
    change: PeriodChange, charge: Charge, *, late: int, retracted: int, priced: bool
) -> tuple[Cause, ...]:
    carried = change.carried and charge.price.key.startswith(PREFIX)
    said = (
        (Cause.LATE, late > 0),
        (Cause.RETRACTED, retracted > 0),
        (Cause.PRICE, priced),
        (Cause.CARRIED, carried),
        (Cause.MAPPED, change.mapped and charge.snapshot is not None),
    )
    causes = tuple(cause for cause, holds in said if holds)
    return causes or ((Cause.CARRIED,) if change.carried else (Cause.PRICE,))
