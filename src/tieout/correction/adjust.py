"""Adjustments: what a sealed period comes to as known now, less everything that was settled for it (L13).

Never rated by itself: tiers, packages and minimums do not work on a difference of usage. So the sum of all
lines of a scope is what rating the whole period again gives, after the first correction and the tenth.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from tieout.aggregate.snapshot import Snapshot
from tieout.correction.settled import SettledLine
from tieout.invoice.billable import Billable
from tieout.invoice.earlier import Correction, EarlierLine, Scope, scope_of
from tieout.invoice.taxes import Taxation
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import PriceKey, SubscriptionId
from tieout.kernel.money import currency
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge
from tieout.rate.withdrawn import withdrawn_charge

Explain = Callable[[Charge, Sequence[SettledLine]], Correction]
"""Says why a charge differs from what was settled, given the lines that settled its scope."""


class ScopeAskedTwice(IntegrityViolation):
    """Two charges of one period are for the same thing: what was settled could be taken off either."""

    code = "scope-asked-twice"

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"Price {scope.price} of subscription {scope.subscription} is asked for twice.")


def adjustments(
    asked: Sequence[Charge],
    settled: Mapping[Scope, Sequence[SettledLine]],
    snapshots: Iterable[Snapshot],
    *,
    explain: Explain,
    taxation: Taxation,
    moved: Container[tuple[SubscriptionId, PriceKey]] = (),
) -> list[Billable]:
    """A billable for each scope whose money or quantity is another than what was settled, in the order of the
    charges; those that are asked no more follow. `settled` is of the period alone; of what `moved` names a
    balance moves, so a line of zero says so too. Raises `ScopeAskedTwice`.
    """
    found = []
    for charge in complete(asked, settled, snapshots):
        before = settled.get(scope_of(charge), ())
        earlier = tuple(each.line for each in before)
        if differs(charge, earlier) or (charge.subscription, charge.price.key) in moved:
            found.append(Billable(charge, earlier, explain(charge, before), taxation))
    return found


def complete(
    asked: Sequence[Charge], settled: Mapping[Scope, Sequence[SettledLine]], snapshots: Iterable[Snapshot]
) -> list[Charge]:
    """The charges, and one of zero for each scope that was settled and is asked no more."""
    scopes: set[Scope] = set()
    for charge in asked:
        scope = scope_of(charge)
        if scope in scopes:
            raise ScopeAskedTwice(scope)
        scopes.add(scope)
    measured = list(snapshots)
    gone = [lines[-1] for scope, lines in sorted(settled.items()) if scope not in scopes]
    return [*asked, *(_withdrawn(last, measured) for last in gone)]


def differs(charge: Charge, earlier: Sequence[EarlierLine]) -> bool:
    """Whether there is anything to say: in money, or in quantity."""
    unit = currency(charge.price.currency)
    money = settle(charge.amount, unit, charge.price.rounding).minor != sum(
        each.amount.minor for each in earlier
    )
    return money or charge.quantity != sum((each.quantity for each in earlier), QUANTITY_ZERO)


def _withdrawn(last: SettledLine, measured: Sequence[Snapshot]) -> Charge:
    snapshot = next(
        (
            each
            for each in measured
            if (each.subscription, each.meter, each.period)
            == (last.scope.subscription, last.price.meter, last.segment)
        ),
        None,
    )
    return withdrawn_charge(
        last.scope.subscription,
        last.price,
        plan=last.plan,
        plan_version=last.plan_version,
        snapshot=snapshot,
        period=last.period,
        segment=last.segment,
        unit=last.unit,
        group=last.group,
        program=last.program,
    )
